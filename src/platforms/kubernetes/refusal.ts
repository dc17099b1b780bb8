import { ZashikiError } from '../../core/errors.ts';

/** Something that a cluster was asked to do, in the words of its access rules. */
export interface Asked {
  readonly verb: string;
  /** With its subresource: `pods/eviction`. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** The API server's own account of a refusal. */
interface Status {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** The API server refused: its own words, the HTTP status and the reason behind it. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly { readonly reason?: string; readonly message?: string }[];
  constructor(status: number, body: string) {
    const said = parse(body);
    super(said.message ?? (body.trim().slice(0, 300) || `HTTP ${status}`));
    this.name = 'Refusal';
    this.status = status;
    this.reason = said.reason ?? '';
    this.causes = said.details?.causes ?? [];
  }
}

function parse(body: string): Status {
  try {
    return (JSON.parse(body) ?? {}) as Status;
  } catch {
    return {};
  }
}

export const isMissing = (error: unknown): boolean => error instanceof Refusal && error.status === 404;
export const isConflict = (error: unknown): boolean => error instanceof Refusal && error.status === 409;

/** Its namespace is about to go, and everything in it. */
export const isEnding = (error: unknown): boolean =>
  error instanceof Refusal && error.causes.some(({ reason }) => reason === 'NamespaceTerminating');

/** What the budget says that an eviction would break; undefined when it was not that. */
export function budgetOf(error: unknown): string | undefined {
  if (!(error instanceof Refusal) || (error.status !== 429 && error.status !== 500)) return undefined;
  const cause = error.causes.find(({ reason }) => reason === 'DisruptionBudget')?.message;
  if (cause) return cause;
  return /disruption ?budget/i.test(error.message) ? error.message : undefined;
}

/** An error for people: what is missing is named by verb and resource. 404 stays a `Refusal`. */
export function explained(error: Refusal, asked: Asked, context: string): unknown {
  const { verb, resource, namespace, name } = asked;
  const what = `${verb} ${resource}${name ? ` ${name}` : ''}${namespace ? ` in the namespace ${namespace}` : ''}`;
  if (error.status === 401) {
    return new ZashikiError(
      'permission-missing',
      `the cluster of the context ${context} does not know us: ${error.message}`,
      {
        hint: 'log in again, or correct the user of the context',
        cause: error,
      },
    );
  }
  // Quotas, admission and namespaces on their way out say 403 as well.
  if (error.status === 403 && / cannot /.test(error.message)) {
    const [group, plain = resource] = resource.includes('.') ? split(resource) : ['', resource];
    const scope = namespace ? `a Role in the namespace ${namespace}` : 'a ClusterRole';
    const hint = `${scope} must allow it: apiGroups: ["${group}"], resources: ["${plain}"], verbs: ["${verb}"]`;
    return new ZashikiError('permission-missing', `the cluster does not let us ${what}: ${error.message}`, {
      hint,
      cause: error,
    });
  }
  return error;
}

/** `deployments.apps/scale` is `deployments/scale` of the group `apps`. */
function split(resource: string): [string, string] {
  const [, plural = '', group = '', rest = ''] = /^([^./]+)\.([^/]+)(\/.*)?$/.exec(resource) ?? [];
  return [group, `${plural}${rest}`];
}

const lostNode = Symbol('node');

/** The error for what was done on a node that is not in the cluster any more: nobody can look there. */
export const goneNode = (node: string): ZashikiError =>
  new ZashikiError('target-gone', `the node ${node} is no longer in the cluster`, { cause: lostNode });
export const isNodeGone = (error: unknown): boolean => error instanceof ZashikiError && error.cause === lostNode;

/** The error for an object that is not there any more, or whose name belongs to another one by now. */
export const goneObject = (what: string): ZashikiError => new ZashikiError('target-gone', `${what} no longer exists`);
