import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZashikiError } from '../../core/errors.ts';
import type { Endpoint } from './runtime.ts';
import type { Surroundings } from './surroundings.ts';

const folderOf = ({ env, home }: Pick<Surroundings, 'env' | 'home'>): string =>
  env.DOCKER_CONFIG || join(home, '.docker');

/** `currentContext` of Docker's config.json; undefined when there is none. */
export function currentContext(look: Surroundings): string | undefined {
  const config = readJson(join(folderOf(look), 'config.json'));
  return typeof config?.currentContext === 'string' ? config.currentContext : undefined;
}

/** The engine of a context of Docker's command line. Throws `usage` when there is no such context. */
export function contextEndpoint(name: string, look: Surroundings): Endpoint {
  const hash = createHash('sha256').update(name).digest('hex');
  const meta = readJson(join(folderOf(look), 'contexts/meta', hash, 'meta.json'));
  const docker = (meta?.Endpoints as Record<string, Record<string, unknown>> | undefined)?.docker;
  if (typeof docker?.Host !== 'string') {
    throw new ZashikiError('usage', `there is no Docker context "${name}" in ${folderOf(look)}`, {
      hint: 'see: docker context ls; or give the address of the engine, like unix:///var/run/docker.sock',
    });
  }
  const tls = join(folderOf(look), 'contexts/tls', hash, 'docker');
  const files = Object.fromEntries(
    (['ca', 'cert', 'key'] as const).flatMap((key) => {
      const path = join(tls, `${key}.pem`);
      return look.exists(path) ? [[key, path]] : [];
    }),
  );
  if (Object.keys(files).length === 0) return { url: docker.Host };
  return { url: docker.Host, tls: { verify: docker.SkipTLSVerify !== true, ...files } };
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
