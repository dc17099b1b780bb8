import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guarded, guestEnv, startMachine } from './machine.ts';
import { emptyPayload } from './payload.ts';
import type { Say } from './say.ts';

/** Boot an image once, until systemd and Docker run, and save the state of the machine in its folder. */
export async function saveSnapshot(
  folder: string,
  { say, signal }: { readonly say: Say; readonly signal: AbortSignal },
): Promise<void> {
  say('booting it once (software emulation: half a minute)');
  const payload = await emptyPayload();
  const machine = await startMachine({ folder, payload: payload.fd, signal }).finally(() => payload.close());
  await guarded(machine, signal, 'the first boot', 900_000, async () => {
    await machine.agent.ping();
    say('systemd is up, waiting for Docker');
    let said = '';
    const hear = (bytes: Buffer) => {
      said += bytes;
    };
    const code = await machine.agent.run(
      { argv: ['/lab/setup'], cwd: '/', env: guestEnv },
      { onOut: hear, onErr: hear },
    );
    if (code !== 0) throw new Error(`/lab/setup ended with ${code}:\n${said}`);
    say('saving its state');
    await machine.monitor('stop');
    await machine.monitor('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 });
    // QEMU runs this in the folder of the image.
    await machine.monitor('migrate', { uri: 'exec:cat >state.part' });
    for (;;) {
      const { status, 'error-desc': why } = (await machine.monitor('query-migrate')) as Record<string, unknown>;
      if (status === 'completed') break;
      if (status === 'failed' || status === 'cancelled') throw new Error(`saving: ${why ?? status}; is the disk full?`);
      await sleep(20);
    }
  });
  await machine.close();
  await rename(join(folder, 'state.part'), join(folder, 'state'));
}
