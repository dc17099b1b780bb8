import { z } from 'zod';
import type { PodCapability, PodImage, PodMark, PodState } from '../capabilities/pod.ts';
import { ZashikiError } from '../core/errors.ts';
import type { Json } from '../core/model.ts';
import type { FaultContext } from '../core/ports.ts';
import { defineFault } from './fault.ts';
import { readNote, writeNote } from './parts/notes.ts';
import { requirePod, settled } from './parts/pod.ts';

/**
 * `images`: as they were before any injection. `ran`: the containers that ran then, by name and runtime id (empty when
 * nobody knows it any more). `runs`: what the runtime called their images.
 */
type Undo = {
  readonly uid: string;
  readonly pauseImage: string;
  readonly images: readonly PodImage[];
  readonly ran: Readonly<Record<string, string>>;
  readonly runs?: Readonly<Record<string, readonly string[]>>;
};

/** Longer than what the kubelet takes to see a change and to start a container whose image is on the node. */
const patience = 45_000;

/**
 * Makes a pod fail where it stands: every container runs an image that does nothing, or cannot run its own command in
 * it. What the images were is in the undo record and on the pod itself. Several on one pod are one state: the last that
 * goes gives the images back.
 */
export default defineFault({
  id: 'pod-failure',
  summary: 'Make the pod fail: each container gets an image that does nothing.',
  needs: ['pod'],
  params: z.strictObject({
    pauseImage: z
      .string()
      .min(1, 'must not be empty')
      .default('registry.k8s.io/pause:3.10')
      .describe('The image that does nothing; the node must be able to pull it. Default registry.k8s.io/pause:3.10.'),
  }),
  reversible: true,
  undoneBy: 'giving each container its own image back',
  // Not a claim of its own: several build one state together.
  claims: () => [],
  shares: ({ uid }: Undo) => `images of the pod ${uid}`,
  describe: ({ pauseImage }: Undo) => `image ${pauseImage}`,
  async plan(on, { pauseImage }, context): Promise<Undo> {
    const state = await requirePod(on.pod);
    const mark = await ownMark(on.pod, context);
    const images = mark?.images ?? state.containers.map(({ name, init, image }) => ({ container: name, init, image }));
    return { uid: on.pod.uid, pauseImage, images, ...whatRan(state, mark !== null) };
  },
  async inject(on, _params, undo, context) {
    const mark = await ownMark(on.pod, context);
    const { images } = undo;
    const done = await on.pod.setImages(paused(undo), { owner: context.owner, images }, mark?.owner ?? null);
    if (!done) throw heldByOthers();
  },
  async observe(on, _params, { images, ran, pauseImage }, context) {
    let serving: readonly string[] = [];
    const within = patience + (await on.pod.state()).grace;
    const { found: down, isSeen } = await settled(on.pod, within, context, ({ phase, containers }) => {
      if (phase === 'gone') throw new ZashikiError('target-gone', 'the pod no longer exists');
      const own = (name: string, image: string) =>
        images.some((each) => each.container === name && each.image === image);
      serving = containers
        .filter(({ name, image, id, state }) => state === 'running' && (id === ran[name] || own(name, image)))
        .map(({ name }) => name);
      return serving.length === 0 ? containers : undefined;
    });
    if (!isSeen) return { yes: false, detail: notSeen };
    if (!down) return { yes: false, detail: `${serving.join(', ') || 'the pod'} still runs its own image` };
    return { yes: true, detail: down.map((each) => tell(each, pauseImage)).join(', ') };
  },
  async recover(on, undo, context) {
    const left = siblingsOf(undo, context).at(-1);
    // Once the images are back, what runs is no longer what ran while the fault was on.
    if ((await on.pod.mark())?.owner === context.owner) {
      const { containers } = await on.pod.state();
      await writeNote(context, 'before', Object.fromEntries(containers.map(({ name, id }) => [name, id])));
    }
    const mark: PodMark = { owner: context.owner, images: undo.images };
    // False: it was never put there, or is off already, or is somebody else's.
    if (left) await on.pod.setImages(paused(left), mark, context.owner);
    else await on.pod.setImages(undo.images, null, context.owner);
  },
  async verify(on, undo, context) {
    if (siblingsOf(undo, context).length > 0) return { yes: true, detail: 'another pod-failure on this pod goes on' };
    const mark = await on.pod.mark();
    if (mark?.owner === context.owner) return { yes: false, detail: 'the pod is still marked as failed by us' };
    if (mark) return { yes: true, detail: 'another installation has made the pod fail since' };
    const state = await on.pod.state();
    const wrong = state.containers.filter(({ name, image }) =>
      undo.images.some((each) => each.container === name && each.image !== image),
    );
    if (wrong.length > 0) {
      return { yes: false, detail: wrong.map(({ name, image }) => `${name} has the image ${image}`).join(', ') };
    }
    return runAgain(on.pod, undo, context);
  },
});

const paused = ({ images, pauseImage }: Undo): readonly PodImage[] =>
  images.map(({ container, init }) => ({ container, init, image: pauseImage }));

const siblingsOf = ({ uid }: Undo, context: Pick<FaultContext, 'siblings'>): readonly Undo[] =>
  context.siblings().filter((undo: Json) => (undo as Partial<Undo> | null)?.uid === uid) as unknown as readonly Undo[];

const notSeen = 'its node has not yet looked at what the pod asks for now';

/** What ran before any injection: a pod that is made to fail already runs something else. */
function whatRan({ containers }: PodState, isOn: boolean): Pick<Undo, 'ran' | 'runs'> {
  const up = containers.filter(({ state }) => state === 'running');
  const ran = Object.fromEntries(up.map(({ name, id }) => [name, isOn ? '' : id]));
  return isOn ? { ran } : { ran, runs: Object.fromEntries(up.map(({ name, runs }) => [name, runs])) };
}

const heldByOthers = () =>
  new ZashikiError('inject-failed', 'another installation of Zashiki has made this pod fail already', {
    hint: 'wait until it has recovered the pod, or run `zashiki recover` there',
  });

/** The mark on the pod when it is ours. Throws when it is somebody else's: what the images were is theirs to know. */
async function ownMark(pod: PodCapability, { owner }: FaultContext): Promise<PodMark | null> {
  const mark = await pod.mark();
  if (mark && mark.owner !== owner) throw heldByOthers();
  return mark;
}

function tell({ name, state, reason, init }: PodState['containers'][number], pauseImage: string): string {
  if (state === 'running') return `${name} runs ${pauseImage}`;
  return `${init ? 'init ' : ''}${name} ${state === 'unknown' ? 'does not run' : state}${reason ? ` (${reason})` : ''}`;
}

/**
 * The images are back; now what ran before has to run again. A node that was late may end it only now, and start what it
 * was to run while the fault was on.
 */
async function runAgain(pod: PodCapability, { ran, runs }: Undo, context: FaultContext) {
  const before = ((await readNote(context, 'before')) ?? {}) as Readonly<Record<string, string>>;
  let missing: PodState['containers'] = [];
  // What ran while the fault was on may be seen for a moment more.
  const isOther = ({ name, id, runs: now }: PodState['containers'][number]) =>
    id !== ran[name] && (id === before[name] || (runs?.[name] && !now.some((each) => runs[name]?.includes(each))));
  const { found: up, isSeen } = await settled(pod, patience, context, ({ phase, containers, terminating }) => {
    if (phase === 'gone' || terminating) throw new ZashikiError('target-gone', 'the pod no longer exists');
    missing = containers.filter((each) => {
      if (ran[each.name] === undefined) return false;
      return each.state !== 'running' || isOther(each);
    });
    return missing.length === 0 ? true : undefined;
  });
  const names = Object.keys(ran).join(', ');
  if (up)
    return { yes: true, detail: names ? `own images, and ${names} runs again` : 'own images; nothing ran before' };
  if (!isSeen) return { yes: false, detail: `all images are as before, but ${notSeen}` };
  const why = missing.map(({ name, state, reason }) => `${name} ${state}${reason ? ` (${reason})` : ''}`).join(', ');
  return { yes: false, detail: `all images are as before, but what ran does not run again: ${why}` };
}
