import { ZashikiError } from '../../core/errors.ts';
import type { FaultStep, Json, JsonObject, Step } from '../../core/model.ts';
import type { NetworkChaos } from './document.ts';
import { readExternalTarget } from './external.ts';
import { durationOf } from './fields.ts';
import { networkAction } from './network-action.ts';
import { type Chosen, modeOf, onPods, podsOf, selectorOf } from './target.ts';

type Spec = NetworkChaos['spec'];
type End = 'source' | 'target';

/** One step to be: which end is hit, and what is at the other one. `ends`: whose choice of pods it depends on. */
interface Draft {
  readonly on: End;
  readonly direction: 'egress' | 'ingress' | 'both';
  readonly peers?: readonly Json[];
  readonly port?: number;
  readonly peerEnd?: End;
}

/** The steps of a NetworkChaos: one, or several in parallel, one for each end and each port. */
export function networkSteps(spec: Spec, chosen?: Chosen): readonly Step[] {
  const drafts = draftsOf(spec, chosen);
  if (!chosen) refuseDraws(spec, drafts);
  const { fault, params } = networkAction(spec);
  const steps = drafts.map((draft): FaultStep => {
    const device = draft.on === 'source' ? spec.device : spec.targetDevice;
    const end = draft.on === 'source' ? spec : spec.target;
    return {
      kind: 'fault',
      fault,
      target: onPods(selectorAt(spec, draft.on, chosen)),
      ...(chosen || !end ? { mode: 'all' } : modeOf(end)),
      params: {
        ...params,
        direction: draft.direction,
        ...(device === undefined ? {} : { interface: device }),
        ...(draft.peers === undefined ? {} : { peers: draft.peers }),
        ...(draft.port === undefined ? {} : { remotePorts: [draft.port] }),
      },
      ...(spec.duration === undefined ? {} : { duration: durationOf(spec.duration) }),
      resolve: 'step',
    };
  });
  return steps.length === 1 ? steps : [{ kind: 'parallel', steps }];
}

/** Effects are put where packets leave: `from` on the pods of target, toward those of selector. */
function effectsOf(spec: Spec, chosen?: Chosen): readonly Draft[] {
  const to = sourceDrafts(spec, 'egress', chosen);
  const from = targetDrafts(spec, 'egress', chosen);
  return spec.direction === 'to' ? to : spec.direction === 'from' ? from : [...to, ...from];
}

/**
 * A partition is made at both ends, so that it holds also where a service stands between them; at one end alone where
 * pods are drawn that the other end would have to know.
 */
function cutsOf(spec: Spec, chosen?: Chosen): readonly Draft[] {
  const [source, target] = (
    { to: ['egress', 'ingress'], from: ['ingress', 'egress'], both: ['both', 'both'] } as const
  )[spec.direction];
  const [here, there] = [sourceDrafts(spec, source, chosen), targetDrafts(spec, target, chosen)];
  const both = [...here, ...there];
  if (chosen || !drawnApart(spec, both)) return both;
  return [here, there].find((end) => end.length > 0 && !drawnApart(spec, end)) ?? both;
}

const draftsOf = (spec: Spec, chosen?: Chosen): readonly Draft[] =>
  spec.action === 'partition' ? cutsOf(spec, chosen) : effectsOf(spec, chosen);

const peer = (selector: JsonObject): Json => ({ kubernetes: selector });

/** On the pods of selector, toward target and the outside: one for each port, and one for all without. */
function sourceDrafts(spec: Spec, direction: Draft['direction'], chosen?: Chosen): readonly Draft[] {
  const outside = (spec.externalTargets ?? []).map(readExternalTarget).filter((one) => one !== undefined);
  const anyPort = outside.filter(({ port }) => port === undefined).map((one): Json => one.peer);
  const ports = [...new Set(outside.flatMap(({ port }) => port ?? []))].sort((a, b) => a - b);
  const inside = spec.target ? [peer(selectorAt(spec, 'target', chosen))] : [];
  const plain = [...inside, ...anyPort];
  const drafts: Draft[] = ports.map((port) => ({
    on: 'source',
    direction,
    port,
    peers: outside.filter((one) => one.port === port).map((one): Json => one.peer),
  }));
  if (plain.length > 0) {
    drafts.unshift({ on: 'source', direction, peers: plain, ...(spec.target ? { peerEnd: 'target' as const } : {}) });
  }
  return drafts.length > 0 ? drafts : [{ on: 'source', direction }];
}

function targetDrafts(spec: Spec, direction: Draft['direction'], chosen?: Chosen): readonly Draft[] {
  if (!spec.target) return [];
  return [{ on: 'target', direction, peers: [peer(selectorAt(spec, 'source', chosen))], peerEnd: 'source' }];
}

function selectorAt(spec: Spec, end: End, chosen?: Chosen): JsonObject {
  const pods = chosen?.[end];
  if (pods) return podsOf(pods);
  return selectorOf((end === 'source' ? spec : (spec.target ?? spec)).selector);
}

/** Does it depend on which pods were drawn in more than one place? Then they must be drawn once, before. */
export const drawsTwice = (spec: Spec): boolean => drawnApart(spec, draftsOf(spec)) !== undefined;

function drawnApart(spec: Spec, drafts: readonly Draft[]): End | undefined {
  return (['source', 'target'] as const).find((end) => {
    const mode = end === 'source' ? spec.mode : spec.target?.mode;
    if (mode === undefined || mode === 'all') return false;
    return drafts.filter(({ on }) => on === end).length > 1 || drafts.some(({ peerEnd }) => peerEnd === end);
  });
}

function refuseDraws(spec: Spec, drafts: readonly Draft[]): void {
  const end = drawnApart(spec, drafts);
  if (!end) return;
  const at = end === 'source' ? 'spec.mode' : 'spec.target.mode';
  const mode = end === 'source' ? spec.mode : spec.target?.mode;
  throw new ZashikiError(
    'not-available',
    `${at}: the pods that mode ${mode} draws are meant at both ends, which only the operator can do`,
    { hint: `write ${at.slice(5)}: all, with a selector that matches just the pods that are meant` },
  );
}
