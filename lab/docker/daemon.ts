import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from './api.ts';
import { markOf } from './clean.ts';
import { hostOf, type Place } from './place.ts';
import { isZombie, textOf, until } from './proc.ts';

/** How an engine is started. */
export interface DaemonOptions {
  /** More arguments for dockerd, e.g. `--live-restore` or a TLS listener. */
  readonly args?: readonly string[];
}

/**
 * Start dockerd and wait until it answers. It ends when its parent ends, however that ends. No rule of the machine's
 * firewall and no sysctl is touched: containers are reached through the bridge and the user-space proxy.
 */
export async function startDaemon(place: Place, { args = [] }: DaemonOptions = {}): Promise<ChildProcess> {
  mkdirSync(place.data, { recursive: true });
  mkdirSync(place.run, { recursive: true, mode: 0o755 });
  const config = join(place.run, 'daemon.json');
  if (!existsSync(config)) {
    const pools = [{ base: `${place.prefix}.128.0/17`, size: 24 }];
    writeFileSync(config, JSON.stringify({ 'default-address-pools': pools, 'shutdown-timeout': 1 }));
  }
  forgetContainerd(join(place.run, 'exec/containerd'));
  const said = textOf(place.log).length;
  const log = openSync(place.log, 'a');
  const flags = [
    ['--config-file', config],
    ['--data-root', place.data],
    ['--exec-root', join(place.run, 'exec')],
    ['--pidfile', join(place.run, 'dockerd.pid')],
    ['--host', hostOf(place)],
    ['--bridge', place.bridge],
    ['--cgroup-parent', place.cgroup],
    ['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'],
    // Lowering it needs CAP_SYS_RESOURCE.
    ['--oom-score-adjust', '0'],
  ].flat();
  const [mark = '', name = ''] = markOf(place).split('=');
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', 'dockerd', ...flags, ...args], {
    stdio: ['ignore', log, log],
    env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', [mark]: name },
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  const answers = () => textOf(place.log).slice(said).includes(`API listen on ${place.socket}`);
  if (!(await until(() => ended || answers(), 60_000)) || ended) {
    child.kill('SIGKILL');
    throw new Error(`dockerd did not start; the end of ${place.log}:\n${textOf(place.log).slice(-2000)}`);
  }
  await call(place.socket, 'GET', '/_ping');
  return child;
}

/** After a SIGKILL to dockerd its containerd may stay a zombie for long, and a new dockerd would wait for it in vain. */
function forgetContainerd(folder: string): void {
  const file = join(folder, 'containerd.pid');
  const pid = Number(textOf(file));
  if (pid > 0 && (isZombie(pid) || textOf(`/proc/${pid}/stat`) === '')) rmSync(file, { force: true });
}
