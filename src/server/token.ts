import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZashikiError } from '../core/errors.ts';

const shortest = 16;

/**
 * The server's token: `ZASHIKI_TOKEN`, or the file `token` in the state folder, which is made (mode 0600) when it is
 * not there. Throws `usage` for a token that is too short, `refused` for a file that others may read.
 */
export function loadToken(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDir: string;
}): { readonly token: string; readonly from: string } {
  const given = options.env.ZASHIKI_TOKEN;
  if (given !== undefined && given !== '') return { token: checked(given, 'ZASHIKI_TOKEN'), from: 'ZASHIKI_TOKEN' };
  const file = join(options.stateDir, 'token');
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const made = create(file);
  return { token: made ?? read(file), from: file };
}

/** Undefined when it exists already: of two that start together, one makes it. */
function create(file: string): string | undefined {
  let handle: number;
  try {
    handle = openSync(file, 'wx', 0o600);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw new ZashikiError('state-unwritable', `${file} cannot be written (${codeOf(error)})`, {
      hint: 'set ZASHIKI_TOKEN, or make the folder writable',
      cause: error,
    });
  }
  const token = randomBytes(32).toString('base64url');
  writeFileSync(handle, `${token}\n`);
  fsyncSync(handle);
  closeSync(handle);
  return token;
}

function read(file: string): string {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    throw new ZashikiError('file-unreadable', `${file} cannot be read (${codeOf(error)})`, { cause: error });
  }
  try {
    if (process.platform !== 'win32' && (fstatSync(handle).mode & 0o077) !== 0) {
      throw new ZashikiError('refused', `${file} can be read by others, so it is no secret`, {
        hint: `delete it to get a new one, or chmod 600 ${file}`,
      });
    }
    return checked(readFileSync(handle, 'utf8').trim(), file);
  } finally {
    closeSync(handle);
  }
}

function checked(token: string, from: string): string {
  if (token.length >= shortest && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new ZashikiError('usage', `the token in ${from} must be at least ${shortest} visible ASCII characters`, {
    hint: 'make one with: openssl rand -hex 32',
  });
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error));
