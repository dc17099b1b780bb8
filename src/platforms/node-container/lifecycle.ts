import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleCapability } from '../../capabilities/lifecycle.ts';
import type { SignalCapability } from '../../capabilities/signal.ts';
import { ZashikiError } from '../../core/errors.ts';

const lookMs = 50;

/**
 * The end of one life of a container, by signals to its main process: who has started it (a kubelet, an engine) is not
 * asked, and starts it again as it sees fit. What only a runtime can do is `not-supported`.
 */
export function lifecycleBySignals(
  signal: SignalCapability,
  life: { readonly pid: number; readonly startTime: string },
): LifecycleCapability {
  const runs = async () => !['gone', 'zombie'].includes(await signal.state());
  const send = (name: string) => signal.send(signalOf(name));
  return {
    async state() {
      const { pid, startTime } = life;
      if (await runs()) return { status: 'running', startedAt: startTime, exitCode: null, pid };
      return { status: 'gone', startedAt: '', exitCode: null, pid: null };
    },
    kill: send,
    async stop({ signal: name = 'SIGTERM', grace }) {
      if (!(await runs())) return;
      await send(name);
      for (const end = performance.now() + grace; performance.now() < end; await sleep(lookMs)) {
        if (!(await runs())) return;
      }
      if (await runs()) await send('SIGKILL');
    },
    vanishes: async () => true,
    start: () => unable('be started'),
    restart: () => unable('be restarted'),
    pause: () => unable('be paused', 'process-pause stops its main process'),
    unpause: () => unable('be let go on'),
    remove: () => unable('be removed', 'pod-kill deletes its pod'),
    blueprint: () => unable('be made again'),
    recreate: () => unable('be made again'),
  };
}

function unable(
  what: string,
  hint = 'its kubelet or engine alone decides about that; container-kill ends it',
): Promise<never> {
  const message = `without its runtime, a container of a node cannot ${what}`;
  return Promise.reject(new ZashikiError('not-supported', message, { hint }));
}

/** Real-time signals have no names in Node.js, but numbers. */
function signalOf(name: string): NodeJS.Signals {
  const [, from, by = '0'] = /^SIGRTM(IN|AX)(?:[+-](\d+))?$/.exec(name) ?? [];
  if (from === undefined) return name as NodeJS.Signals;
  return (from === 'IN' ? 34 + Number(by) : 64 - Number(by)) as unknown as NodeJS.Signals;
}
