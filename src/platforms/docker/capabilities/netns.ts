import {
  bornApart,
  type Finished,
  type Netns,
  type NetnsBirth,
  type NetnsCapability,
  type NetnsId,
} from '../../../capabilities/netns.ts';
import { isError, ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { type ContainerIdentity, gone } from '../identity.ts';
import type { Helper, Runtime } from '../runtime.ts';

/** What Pumba uses; anything with tc, ip, nft or iptables will do. */
const usualImage = 'ghcr.io/alexei-led/pumba-alpine-nettools:latest';
/** A helper is kept for the next call for so long; its end removes it. */
const keptMs = 500;
/** Helpers end by themselves after 60 s: one that is older than this is not trusted with another call. */
const oldMs = 20_000;

/**
 * The network namespace of a container of another machine, or of one that we may not enter: entered by a helper
 * container beside it. The image is pulled, if need be, by `identify` only, which is called to plan; what is done to
 * recover needs no registry. Programs must be in the image; helpers in the background are not possible.
 */
export function netnsByHelper(target: TargetRef, identity: ContainerIdentity, runtime: Runtime): NetnsCapability {
  const { id, startedAt, networkOf, helperImage: image = usualImage } = identity;
  const { helpers } = runtime;
  if (!helpers) throw new ZashikiError('internal', `${identity.runtime} has no helper containers`);
  const beside = new Map<string, Run>();
  const runBeside = (of: string): Run => {
    const run = beside.get(of) ?? keeper(() => helpers.start(of, image));
    beside.set(of, run);
    return run;
  };
  /** In a network namespace of its own, where what is tried stays until the helper ends: one for each. */
  const apart: Run = async (argv, options) => {
    const helper = await helpers.start(id, image, { apart: true });
    try {
      return await helper.run(argv, options);
    } finally {
      helper.remove().catch(() => {});
    }
  };

  /** The way in through one container; undefined when it has ended, or lives in another namespace. */
  const through = async (of: string, wanted: NetnsId, birth: NetnsBirth | undefined): Promise<Netns | undefined> => {
    try {
      const run = runBeside(of);
      const found = await namespaceOf(run);
      return found.id === wanted && !bornApart(found.birth, birth) ? netns(wanted, run, apart) : undefined;
    } catch (error) {
      if (isError(error, 'target-gone')) return undefined;
      throw error;
    }
  };

  return {
    async identify() {
      const seen = await runtime.inspect(id);
      if (seen?.state.pid == null || seen.state.startedAt !== startedAt) throw gone(target);
      await helpers.prepare(image);
      return { ...(await namespaceOf(runBeside(id))), machine: seen.machineNetwork };
    },
    async open(wanted, birth) {
      const first = [id, ...(networkOf === undefined ? [] : [networkOf])];
      for (const of of first) {
        const found = await through(of, wanted, birth);
        if (found) return found;
      }
      // A target that has ended leaves its namespace to those who share it.
      for (const { id: of } of await helpers.sharers(first)) {
        if (first.includes(of)) continue;
        const found = await through(of, wanted, birth);
        if (found) return found;
      }
      throw new ZashikiError('target-gone', `the network namespace of ${target.name} (${target.id}) is gone`);
    },
    ...noWorkers,
  };
}

/** None can be started, so none is left. */
const noWorkers: Pick<Netns, 'find' | 'stop'> = { find: async () => [], stop: async () => {} };

type Run = (
  argv: readonly string[],
  options?: { readonly input?: string; readonly timeoutMs?: number },
) => Promise<Finished>;

/** Run in one helper as long as calls follow each other; it is removed soon after the last one. */
function keeper(start: () => Promise<Helper>): Run {
  let current: { readonly helper: Promise<Helper>; readonly since: number } | undefined;
  let calls = 0;
  let timer: NodeJS.Timeout | undefined;
  const drop = () => {
    const dropped = current;
    current = undefined;
    // It removes itself when this fails.
    dropped?.helper.then((helper) => helper.remove()).catch(() => {});
  };
  return async (argv, options) => {
    clearTimeout(timer);
    if (current && calls === 0 && performance.now() - current.since > oldMs) drop();
    current ??= { helper: start(), since: performance.now() };
    calls++;
    try {
      const done = await (await current.helper).run(argv, options);
      // What is late goes on in there until the helper is removed.
      if (done.code === -1) drop();
      return done;
    } catch (error) {
      current = undefined;
      throw error;
    } finally {
      calls--;
      if (calls === 0) timer = setTimeout(drop, keptMs);
    }
  };
}

async function namespaceOf(run: Run): Promise<{ readonly id: NetnsId; readonly birth?: NetnsBirth }> {
  const [link, boot, lo] = await Promise.all([
    run(['readlink', '/proc/self/ns/net']),
    run(['cat', '/proc/sys/kernel/random/boot_id']),
    // Every namespace has a lo of its own, and sysfs never gives its number out again.
    run(['ls', '-id', '/sys/class/net/lo/']),
  ]);
  const inode = /^net:\[(\d+)\]$/.exec(link.stdout.trim())?.[1];
  if (!inode) throw new ZashikiError('not-supported', `the helper image has no readlink: ${link.stderr.trim()}`);
  const number = /^\s*(\d+)\s/.exec(lo.stdout)?.[1];
  return { id: `net:${inode}@${boot.stdout.trim()}`, ...(number === undefined ? {} : { birth: `lo:${number}` }) };
}

function netns(id: NetnsId, run: Run, apart: Run): Netns {
  const noHelpers = () =>
    new ZashikiError(
      'not-supported',
      'only short programs can be run in the network namespace of a container elsewhere',
      {
        hint: 'run Zashiki as root on the machine of the engine',
      },
    );
  const running =
    (by: Run): Netns['run'] =>
    async (argv, options) => {
      const done = await by(argv, options);
      if (done.code === 126 || done.code === 127) {
        throw new ZashikiError('not-supported', `the helper image has no ${argv[0]}: ${done.stderr.trim()}`, {
          hint: 'name an image with network tools by `helperImage` in the selector',
        });
      }
      return done;
    };
  return {
    id,
    run: running(run),
    trial: running(apart),
    start: () => Promise.reject(noHelpers()),
    ...noWorkers,
  };
}
