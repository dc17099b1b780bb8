import { connect } from 'node:net';
import type { Api } from '../lab/kubernetes/api.ts';

/** Does it take connections? */
function answers(ip: string, within: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port: 8080, timeout: within }, () => done(true));
    const done = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('error', () => done(false)).once('timeout', () => done(false));
  });
}

const rhythm = 20;
const longest = 120_000;

/**
 * Wait until a pod takes connections, or takes none any more. Resolves to the moment (performance.now) at which the
 * first attempt that ended so was made: attempts begin every 20 ms, whatever became of those before.
 */
export function turned(ip: string, to: 'up' | 'down'): Promise<number> {
  return new Promise((resolve, reject) => {
    const from = performance.now();
    let found: number | undefined;
    const timer = setInterval(async () => {
      const at = performance.now();
      if (at - from > longest) {
        clearInterval(timer);
        return reject(new Error(`${ip} is not ${to} after ${longest / 1000} s`));
      }
      if ((await answers(ip, 1000)) !== (to === 'up') || found !== undefined) return;
      found = at;
      clearInterval(timer);
      resolve(at);
    }, rhythm);
  });
}

/** Wait until this very pod is gone; resolves to that moment. */
export async function gone(api: Api, path: string, uid: string): Promise<number> {
  for (const end = performance.now() + longest; performance.now() < end; ) {
    const now = await api.call('GET', path).catch((error: Error) => {
      if (/: 404 /.test(error.message)) return undefined;
      throw error;
    });
    if (now?.metadata.uid !== uid) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, rhythm));
  }
  throw new Error(`${path} is not gone after ${longest / 1000} s`);
}
