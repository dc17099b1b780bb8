import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ZashikiError } from '../../../core/errors.ts';
import { missing } from '../errors.ts';
import { type CgroupLine, unitsOf } from '../parse.ts';
import { runTool } from '../tool.ts';

/** Where the unit that a tag restarted is noted, for processes that come later; gone with a reboot, as it should. */
const notes = '/run/zashiki/respawn';

/**
 * The system service that owns a process, when systemd runs here. Null for the services of a user's own manager:
 * restarting `user@1000.service` would end that user's whole session.
 */
export function systemUnit(cgroup: readonly CgroupLine[], runs = existsSync('/run/systemd/system')): string | null {
  if (!runs) return null;
  const line =
    cgroup.find(({ controllers }) => controllers === 'name=systemd') ?? cgroup.find((each) => !each.controllers);
  const first = unitsOf(line?.path ?? '').find((name) => !name.endsWith('.slice'));
  return first?.endsWith('.service') && !first.startsWith('user@') ? first : null;
}

/** Whether a unit has no file but only its life: once it has ended there is nothing to start again. */
export const isTransient = (unit: string): boolean => existsSync(`/run/systemd/transient/${unit}`);

/** Restart a unit; its main pid. Throws `permission-missing` or `inject-failed` with systemd's own words. */
export async function restartUnit(unit: string, tag: string): Promise<number> {
  const result = await runTool('systemctl', ['restart', '--', unit]);
  if (!result) throw missing('systemctl', 'systemd', 'restarting a unit');
  if (result.code !== 0) {
    const why = result.stderr.trim().split('\n')[0] ?? '';
    const isDenied = /access denied|authentication|not permitted/i.test(why);
    throw new ZashikiError(isDenied ? 'permission-missing' : 'inject-failed', `systemctl restart ${unit}: ${why}`, {
      hint: isDenied ? 'run as root' : `see: systemctl status ${unit}`,
    });
  }
  mkdirSync(notes, { recursive: true, mode: 0o700 });
  writeFileSync(noteOf(tag), unit, { mode: 0o600 });
  const pid = await mainPid(unit);
  if (pid === null) throw new ZashikiError('inject-failed', `${unit} was restarted and has no main process`);
  return pid;
}

/** The main pid of the unit that was restarted for this tag, if any. */
export async function restartedFor(tag: string): Promise<number | null> {
  if (!existsSync(noteOf(tag))) return null;
  return mainPid(readFileSync(noteOf(tag), 'utf8'));
}

async function mainPid(unit: string): Promise<number | null> {
  const result = await runTool('systemctl', ['show', '--property=MainPID', '--value', '--', unit]);
  const pid = Number(result?.stdout.trim());
  return pid > 0 ? pid : null;
}

const noteOf = (tag: string) => `${notes}/${encodeURIComponent(tag)}`;
