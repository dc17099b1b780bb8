import type { Capabilities, Capability } from '../../capabilities/index.ts';
import type { TargetRef } from '../../core/model.ts';
import { boundsCapability } from '../host/capabilities/bounds.ts';
import { filesCapability } from '../host/capabilities/files.ts';
import { limitsCapability } from '../host/capabilities/limits.ts';
import { netnsCapability } from '../host/capabilities/netns.ts';
import { signalCapability } from '../host/capabilities/signal.ts';
import { openProc } from '../host/proc.ts';
import { definePlatform } from '../platform.ts';
import { containerCgroup } from './capabilities/cgroup.ts';
import { execCapability } from './capabilities/exec.ts';
import { lifecycleCapability } from './capabilities/lifecycle.ts';
import { withNeighbours } from './capabilities/neighbours.ts';
import { netnsByHelper } from './capabilities/netns.ts';
import { signalThroughEngine } from './capabilities/signal.ts';
import { discover } from './discover.ts';
import { containerOf, isWithinReach } from './identity.ts';
import { localProcess } from './local.ts';
import { protection } from './protect.ts';
import { runtimeAt } from './runtimes/index.ts';
import { DockerSelector } from './selector.ts';

const anywhere: readonly Capability[] = ['lifecycle', 'exec', 'signal', 'netns'];
const withinReach: readonly Capability[] = [...anywhere, 'cgroup', 'bounds', 'limits', 'files'];

/**
 * Containers of an engine with Docker's API. `lifecycle` and `exec` go by the container's id, whatever became of it;
 * `signal`, `cgroup`, `limits` and `files` belong to one life of its main process, and end with it; `netns` and `bounds`
 * to what they have identified. A container that does not run offers `lifecycle` only in effect: the rest says `target-gone`.
 */
export default definePlatform({
  id: 'docker',
  summary: 'Containers of a Docker engine, local or remote, or of Podman’s service.',
  selector: DockerSelector,
  capabilities: withinReach,
  discover,
  offers: (target) => (isWithinReach(containerOf(target)) ? withinReach : anywhere),
  /** Gone: removed, or started again. One that was stopped is still the same. */
  async check(target) {
    const { runtime, engine, id, startedAt } = containerOf(target);
    const seen = await (await runtimeAt(runtime, engine)).inspect(id);
    return seen?.state.startedAt === startedAt ? 'same' : 'gone';
  },
  async spare(target) {
    const { runtime, engine, id, startedAt } = containerOf(target);
    const seen = await (await runtimeAt(runtime, engine)).inspect(id);
    if (seen?.state.startedAt !== startedAt) return null;
    const proc = openProc();
    const local = localProcess(proc, id, seen.state.pid);
    return protection(proc)({ id, labels: seen.labels, pid: local?.pid }) ?? null;
  },
  attach,
  async addresses(target) {
    const { runtime, engine, id } = containerOf(target);
    const seen = await (await runtimeAt(runtime, engine)).inspect(id);
    return seen?.addresses ?? [];
  },
});

async function attach(target: TargetRef): Promise<Partial<Capabilities>> {
  const identity = containerOf(target);
  const runtime = await runtimeAt(identity.runtime, identity.engine);
  const always = { lifecycle: lifecycleCapability(identity, runtime), exec: execCapability(identity, runtime) };
  if (!isWithinReach(identity)) {
    return {
      ...always,
      signal: signalThroughEngine(target, identity, runtime),
      netns: withNeighbours(netnsByHelper(target, identity, runtime), identity, runtime),
    };
  }
  const proc = openProc();
  return {
    ...always,
    signal: signalCapability(target, proc),
    netns: withNeighbours(netnsCapability(target, proc), identity, runtime),
    cgroup: containerCgroup(target, identity, runtime, proc),
    bounds: boundsCapability(target, proc, identity.id),
    limits: limitsCapability(target, proc),
    files: filesCapability(target, proc, { ofContainer: true }),
  };
}
