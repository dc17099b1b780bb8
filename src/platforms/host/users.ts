import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ZashikiError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';

/** Names and numbers of this host's users. */
export interface Users {
  /** The uid of a name or of digits. Throws `usage` when nobody has this name. */
  uidOf(user: string | number): number;
  /** The name of a uid, or its digits. */
  nameOf(uid: number): string;
}

/** Read /etc/passwd; names that are not in it (LDAP and the like) are asked of `getent`. */
export function openUsers(file = '/etc/passwd'): Users {
  const uids = new Map<string, number>();
  const names = new Map<number, string>();
  for (const line of readText(file).split('\n')) {
    const [name, , uid] = line.split(':');
    if (!name || !uid) continue;
    uids.set(name, Number(uid));
    if (!names.has(Number(uid))) names.set(Number(uid), name);
  }
  return {
    nameOf: (uid) => names.get(uid) ?? String(uid),
    uidOf(user) {
      if (typeof user === 'number') return user;
      const uid = uids.get(user) ?? (/^\d+$/.test(user) ? Number(user) : askSystem(user));
      if (uid !== undefined) return uid;
      const near = nearest(user, [...uids.keys()]);
      throw new ZashikiError('usage', `no user "${user}" on this host`, {
        hint: near ? `did you mean "${near}"?` : 'write a user of this host, or a uid',
      });
    },
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function askSystem(name: string): number | undefined {
  try {
    const line = execFileSync('getent', ['passwd', '--', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const uid = line.split(':')[2];
    return uid ? Number(uid) : undefined;
  } catch {
    return undefined;
  }
}
