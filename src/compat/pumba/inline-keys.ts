import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EngineSettings } from './settings.ts';

/** Where keys and certificates are kept that were given as text. */
export interface KeyStore {
  /** The folder of them, below the state folder; `state`: the one that the command line names. */
  folder(state?: string): string;
  /** Mode 0600. False when it was there already. */
  write(path: string, text: string): boolean;
}

/** A key or certificate that was given as text. */
export interface KeyFile {
  readonly flag: string;
  readonly path: string;
  readonly text: string;
}

const flags = { ca: '--tlscacert', cert: '--tlscert', key: '--tlskey' } as const;

/**
 * The settings with a path in place of each PEM text: what undoes a fault later has to find it, and a journal is no
 * place for it. The files, named by their digests, are still to be written.
 */
export function placeKeys(
  engine: EngineSettings,
  folder: string,
): { readonly engine: EngineSettings; readonly files: readonly KeyFile[] } {
  const { tls } = engine;
  if (!tls) return { engine, files: [] };
  const files = (['ca', 'cert', 'key'] as const).flatMap((name) => {
    const text = tls[name].trim();
    if (!text.startsWith('-----BEGIN ')) return [];
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
    return [{ name, flag: flags[name], path: join(folder, `${digest}.pem`), text: `${text}\n` }];
  });
  const paths = Object.fromEntries(files.map(({ name, path }) => [name, path]));
  return { engine: { ...engine, tls: { ...tls, ...paths } }, files };
}
