import { execFile, execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { promisify } from 'node:util';
import { call } from '../lab/docker/api.ts';

const run = promisify(execFile);

/** Resolves with the wall-clock time (ms) at which the engine itself says that this happened to a container. */
export function eventsOf(socketPath: string, id: string, action: string): Promise<number> {
  const filters = JSON.stringify({ container: [id], event: [action] });
  const path = `/events?filters=${encodeURIComponent(filters)}`;
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
        if (!text.includes('\n')) return;
        response.destroy();
        resolve(JSON.parse(text.slice(0, text.indexOf('\n'))).timeNano / 1e6);
      });
      response.on('error', () => {});
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Can this kernel make the netem qdisc? Tried in a network namespace of its own. */
export function kernelHasNetem(): boolean {
  try {
    execFileSync('unshare', ['--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** Resolves with the time (ms) at which a netem qdisc, or a queue, was first seen in a container's network namespace. */
export async function delayOf(socketPath: string, id: string): Promise<number> {
  const { State } = JSON.parse(await call(socketPath, 'GET', `/containers/${id}/json`));
  const inside = (...argv: readonly string[]) => run('nsenter', ['--target', String(State.Pid), '--net', ...argv]);
  const [tool, effect] = kernelHasNetem()
    ? (['tc qdisc show', /\bnetem\b/] as const)
    : (['nft list ruleset', /\bqueue\b/] as const);
  for (;;) {
    const { stdout } = await inside(...tool.split(' '));
    if (effect.test(stdout)) return performance.timeOrigin + performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
