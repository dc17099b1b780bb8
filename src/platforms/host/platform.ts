import type { Capability } from '../../capabilities/index.ts';
import { ZashikiError } from '../../core/errors.ts';
import type { JsonObject, TargetRef } from '../../core/model.ts';
import { definePlatform } from '../platform.ts';
import { cgroupCapability } from './capabilities/cgroup.ts';
import { filesCapability } from './capabilities/files.ts';
import { limitsCapability } from './capabilities/limits.ts';
import { netnsCapability } from './capabilities/netns.ts';
import { priorityCapability } from './capabilities/priority.ts';
import { respawnCapability } from './capabilities/respawn.ts';
import { signalCapability } from './capabilities/signal.ts';
import { discover, machineIdentity } from './discover.ts';
import { livingStat, pinned, requireLinux } from './identity.ts';
import { openProc } from './proc.ts';
import { spare } from './protect.ts';
import { attachRemote, checkRemote, discoverRemote, remoteOf } from './remote.ts';
import { HostSelector } from './selector.ts';

const ofProcess: readonly Capability[] = ['signal', 'respawn', 'priority', 'limits', 'cgroup', 'files', 'netns'];
const ofMachine: readonly Capability[] = ['cgroup', 'files', 'netns'];

const offers = (target: TargetRef): readonly Capability[] =>
  (remoteOf(target)?.ref ?? target).id === 'machine' ? ofMachine : ofProcess;

/** Processes of this Linux host, read from /proc and ordered by pid; and the host itself, as the target `machine`. */
export default definePlatform({
  id: 'host',
  summary: 'Processes of this Linux host, or of one with an agent; and the host itself.',
  selector: HostSelector,
  capabilities: ofProcess,
  async discover({ agent, ...selector }, signal) {
    signal?.throwIfAborted();
    if (agent === undefined) return discover(selector, openProc(), signal);
    return discoverRemote([agent].flat(), selector as JsonObject, signal);
  },
  offers,
  async check(target) {
    const remote = remoteOf(target);
    if (remote) return (await checkRemote(remote)).state;
    const proc = openProc();
    requireLinux(proc);
    if (target.id === 'machine') return isThisMachine(target) ? 'same' : 'gone';
    return livingStat(proc, pinned(target)) ? 'same' : 'gone';
  },
  async spare(target) {
    const remote = remoteOf(target);
    if (remote) return (await checkRemote(remote)).spared;
    const proc = openProc();
    requireLinux(proc);
    return target.id === 'machine' ? null : spare(target, proc);
  },
  async attach(target) {
    const remote = remoteOf(target);
    if (remote) return attachRemote(remote, offers(target));
    const proc = openProc();
    requireLinux(proc);
    if (target.id !== 'machine') {
      return {
        signal: signalCapability(target, proc),
        respawn: respawnCapability(target, proc),
        priority: priorityCapability(target, proc),
        limits: limitsCapability(target, proc),
        cgroup: cgroupCapability(target, proc),
        files: filesCapability(target, proc),
        netns: netnsCapability(target, proc),
      };
    }
    if (!isThisMachine(target)) {
      throw new ZashikiError('target-gone', `${target.name} is another machine than this one`, {
        hint: 'run this on the machine that the plan or journal was made on',
      });
    }
    return {
      cgroup: cgroupCapability(target, proc),
      files: filesCapability(target, proc),
      netns: netnsCapability(target, proc),
    };
  },
});

const isThisMachine = (target: TargetRef): boolean => target.identity.machine === machineIdentity(openProc()).machine;
