import type { AgentTarget } from '../capabilities/agent.ts';
import { canonicalJson } from '../core/canonical.ts';
import { isError, ZashikiError } from '../core/errors.ts';
import type { JsonObject, Target, TargetRef } from '../core/model.ts';
import type { Catalogue, FaultContext, FaultPort, PlatformPort } from '../core/ports.ts';
import type { RequestOf } from '../remote/wire.ts';

/** All targets of this machine that match, with what each offers. */
export async function targetsOf(
  { platform: id, selector }: RequestOf<'/v1/targets'>,
  catalogue: Catalogue,
  signal: AbortSignal,
): Promise<readonly (Target & { readonly offers: readonly string[] })[]> {
  const platform = await catalogue.platform(id);
  const targets = await platform.discover(read(platform, selector), signal);
  return targets.map((target) => ({ ...target, offers: platform.offers(target) }));
}

/** A pinned target, as it is now. */
export async function checkTarget(target: TargetRef, catalogue: Catalogue) {
  notPassedOn(target.identity);
  const platform = await catalogue.platform(target.platform);
  const state = await platform.check(target);
  if (state === 'gone') return { state, spared: null, addresses: [], offers: platform.offers(target) };
  const addresses = await addressesOrNone(platform, target);
  return { state, spared: await platform.spare(target), addresses, offers: platform.offers(target) };
}

async function addressesOrNone(platform: PlatformPort, target: TargetRef): Promise<readonly string[]> {
  try {
    return (await platform.addresses?.(target)) ?? [];
  } catch (error) {
    if (isError(error, 'target-gone', 'not-supported')) return [];
    throw error;
  }
}

/** The one target that is meant, and its platform. Throws `target-gone` for none, `usage` for several. */
export async function theOne(
  meant: AgentTarget,
  fault: FaultPort,
  catalogue: Catalogue,
): Promise<{ readonly platform: PlatformPort; readonly target: TargetRef }> {
  if ('ref' in meant) notPassedOn(meant.ref.identity);
  const platform = await catalogue.platform('ref' in meant ? meant.ref.platform : meant.platform);
  const target = 'ref' in meant ? meant.ref : await only(platform, meant.selector);
  const lacks = fault.needs.filter((need) => !platform.offers(target).includes(need));
  if (lacks.length === 0) return { platform, target };
  throw new ZashikiError('not-supported', `${target.name} (${target.id}) does not offer ${lacks.join(', ')}`, {
    hint: `${fault.id} needs it`,
  });
}

async function only(platform: PlatformPort, selector: JsonObject): Promise<TargetRef> {
  const found = await platform.discover(read(platform, selector));
  const [first, second] = found;
  if (first && !second) {
    const { platform: id, name, identity } = first;
    return { platform: id, id: first.id, name, identity, ...(first.about === undefined ? {} : { about: first.about }) };
  }
  const what = `${platform.id} ${canonicalJson(selector)}`;
  if (!first) throw new ZashikiError('target-gone', `nothing on this machine matches ${what}`);
  throw new ZashikiError('usage', `${found.length} targets match ${what}`, { hint: 'name one' });
}

/** Throws `document-invalid` naming the field; `usage` for a target of yet another agent: none passes on. */
function read(platform: PlatformPort, selector: JsonObject): never {
  notPassedOn(selector);
  return parsed(() => platform.selector.parse(selector), `selector of ${platform.id}`) as never;
}

function notPassedOn(of: JsonObject): void {
  if (Object.hasOwn(of, 'agent')) throw new ZashikiError('usage', 'an agent asks no other agent: ask that one');
}

/** What a schema makes of a value. Throws `document-invalid` naming the first field that is wrong. */
export function parsed(parse: () => unknown, what: string): unknown {
  try {
    return parse();
  } catch (cause) {
    const issue = (cause as { issues?: readonly { path: readonly PropertyKey[]; message: string }[] }).issues?.[0];
    if (!issue) throw cause;
    const at = issue.path.length > 0 ? ` at ${issue.path.map(String).join('.')}` : '';
    throw new ZashikiError('document-invalid', `${what}${at}: ${issue.message}`, { cause });
  }
}

/** Thrown when the client has to find out addresses first. */
export class WantsAddresses extends Error {
  readonly wants: RequestOf<'/v1/targets'>;
  constructor(wants: RequestOf<'/v1/targets'>) {
    super('addresses are wanted');
    this.wants = wants;
  }
}

/** Addresses as the client has found them out. Another question throws WantsAddresses out of `work`, whatever work does. */
export async function withAddresses<T>(
  known: RequestOf<'/v1/plan'>['addresses'],
  work: (addressesOf: FaultContext['addressesOf']) => Promise<T>,
): Promise<T> {
  let wanted: WantsAddresses | undefined;
  const key = (platform: string, selector: JsonObject) => canonicalJson([platform, selector]);
  try {
    return await work(async (platform, selector) => {
      const found = known.find((one) => key(one.platform, one.selector) === key(platform, selector));
      if (found) return found.addresses;
      wanted ??= new WantsAddresses({ platform, selector });
      throw wanted;
    });
  } catch (error) {
    throw wanted ?? error;
  }
}
