import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { hold } from '../../lab/docker/index.ts';
import { dockerHost, unique } from '../fixtures/docker.ts';

/** An engine that may be killed. */
export interface Mortal {
  readonly host: string;
  killDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
  release(): Promise<void>;
}

/** One of the test's own; in a guest of lab/vm, the guest's. `live`: containers go on while the daemon is dead. */
export async function mortalEngine(live: boolean): Promise<Mortal> {
  if (process.env.ZASHIKI_LAB !== 'vm') return hold(unique('k').slice(0, 12), { args: live ? ['--live-restore'] : [] });
  const service = async (...args: readonly string[]) => void execFileSync('systemctl', args);
  const set = async (value: boolean) => {
    writeFileSync('/etc/docker/daemon.json', JSON.stringify({ 'live-restore': value }));
    await service('reload', 'docker.service');
  };
  await set(live);
  return {
    host: dockerHost() || 'unix:///var/run/docker.sock',
    killDaemon: () => service('kill', '--kill-whom=main', '--signal=SIGKILL', 'docker.service'),
    startDaemon: () => service('start', 'docker.service'),
    release: () => set(false),
  };
}
