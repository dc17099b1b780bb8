import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Image } from './cache.ts';
import { type Bench, checkout, unpackCheckout } from './lab.ts';
import { guarded, guestEnv, type Machine, startMachine } from './machine.ts';
import { checkoutPayload, emptyPayload } from './payload.ts';
import { ensurePrograms, run } from './programs.ts';
import { LabError } from './say.ts';

/** A guest with a disk of its own: all that reached it outlives the boot. It boots from power-on, half a minute. */
export interface Computer {
  /** Run a program in it; its output. Throws with what it said when it fails. */
  run(...argv: readonly string[]): Promise<string>;
  /** Its power is cut, and comes back: what was in its memory alone is lost. */
  cutPower(): Promise<void>;
  /** It shuts down in order, and boots. */
  reboot(): Promise<void>;
  /** Off for good, and its disk is gone. */
  close(): Promise<void>;
}

/** Boot one with the checkout at /checkout, on its disk. */
export async function startComputer({ folder }: Image, { say, signal }: Bench): Promise<Computer> {
  await ensurePrograms(['mke2fs'], say, signal);
  const disk = await emptyDisk(signal);
  const boot = async (payload: FileHandle): Promise<Machine> => {
    const start = { folder, payload: payload.fd, disk: disk.fd, signal };
    const booting = await startMachine(start).finally(() => payload.close());
    await guarded(booting, signal, 'the boot', 300_000, () => booting.agent.ping());
    return booting;
  };
  let machine = await checkoutPayload(checkout, signal).then(boot).catch(closing(disk));
  await unpackCheckout(machine).catch(closing(machine, disk));
  return {
    async run(...argv) {
      const out: Buffer[] = [];
      let said = '';
      const wires = { onOut: (bytes: Buffer) => void out.push(bytes), onErr: (bytes: Buffer) => (said += bytes) };
      const code = await machine.agent.run({ argv, cwd: '/', env: guestEnv }, wires);
      const text = Buffer.concat(out).toString();
      if (code === 0) return text;
      throw new LabError(`${argv.join(' ')} ended with ${code}: ${text}${said}`, 'see what it said');
    },
    async cutPower() {
      await machine.close();
      machine = await boot(await emptyPayload());
    },
    async reboot() {
      // QEMU ends where a machine would begin anew, with the answer on its way or not.
      const asked = machine.agent.run({ argv: ['systemctl', 'reboot'], cwd: '/', env: guestEnv }).catch(() => {});
      await guarded(machine, signal, 'the shutdown', 300_000, () => machine.gone);
      await asked;
      machine = await boot(await emptyPayload());
    },
    async close() {
      await machine.close();
      await disk.close();
    },
  };
}

/** Close these, then throw on. */
const closing =
  (...all: readonly { close(): Promise<void> }[]) =>
  async (error: unknown): Promise<never> => {
    for (const each of all) await each.close();
    throw error;
  };

/** A disk for what a guest writes: an open file without a name, so that nothing of it can be left behind. */
async function emptyDisk(signal: AbortSignal): Promise<FileHandle> {
  const path = join(tmpdir(), `zashiki-lab-${randomUUID()}`);
  const disk = await open(path, 'wx+', 0o600);
  try {
    await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', path, '4G'], { signal });
    return disk;
  } catch (error) {
    await disk.close();
    throw error;
  } finally {
    await unlink(path);
  }
}
