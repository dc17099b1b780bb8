import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ZashikiError } from '../../../../core/errors.ts';
import type { Client } from './client.ts';
import { isMissing } from './errors.ts';

/** Make sure that an image is there: the local one if there is one, else pulled, with the user's own credentials. */
export async function ensureImage(client: Client, image: string): Promise<void> {
  try {
    await client.call('GET', `/images/${image}/json`);
    return;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const auth = await credentials(registryOf(image));
  const { name, tag } = parts(image);
  try {
    const stream = await client.stream('POST', '/images/create', {
      query: { fromImage: name, tag },
      ...(auth ? { auth: encode(auth) } : {}),
    });
    let text = '';
    for await (const chunk of stream) text += chunk;
    // The engine says 200 first and what went wrong later.
    const failure = /"error":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
    if (failure) throw new Error(JSON.parse(`"${failure}"`));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ZashikiError('not-supported', `the helper image ${image} is not there and cannot be pulled: ${why}`, {
      hint: 'name one that the engine has by `helperImage` in the selector; it needs sleep, readlink, tc, nft or iptables',
      cause,
    });
  }
}

/** Name and tag; a digest stays with the name. Without a tag, `latest`: otherwise the engine would pull all of them. */
function parts(image: string): { readonly name: string; readonly tag: string | undefined } {
  if (image.includes('@')) return { name: image, tag: undefined };
  const cut = image.lastIndexOf(':');
  if (cut > image.lastIndexOf('/')) return { name: image.slice(0, cut), tag: image.slice(cut + 1) };
  return { name: image, tag: 'latest' };
}

const hub = 'https://index.docker.io/v1/';

/** The registry of an image, as Docker's config.json names it. */
export function registryOf(image: string): string {
  const first = image.split('/')[0] ?? '';
  const isHost = image.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return isHost && first !== 'docker.io' ? first : hub;
}

type Credentials = { readonly username?: string; readonly password?: string; readonly identitytoken?: string };

/** What `docker login` left for a registry: in config.json, or with a credential helper. */
export async function credentials(registry: string, folder?: string): Promise<Credentials | undefined> {
  const config = readConfig(folder ?? process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'));
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper) {
    const said = await askHelper(`docker-credential-${helper}`, registry);
    if (said)
      return said.Username === '<token>'
        ? { identitytoken: said.Secret }
        : { username: said.Username, password: said.Secret };
  }
  const entry = config.auths?.[registry] ?? config.auths?.[`https://${registry}`];
  if (!entry) return undefined;
  if (entry.identitytoken) return { identitytoken: entry.identitytoken };
  const [username = '', ...rest] = Buffer.from(entry.auth ?? '', 'base64')
    .toString()
    .split(':');
  return username ? { username, password: rest.join(':') } : undefined;
}

type Config = {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
};

function readConfig(folder: string): Config {
  try {
    return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config;
  } catch {
    return {};
  }
}

function askHelper(program: string, registry: string): Promise<{ Username: string; Secret: string } | undefined> {
  return new Promise((resolve) => {
    const child = execFile(program, ['get'], { timeout: 10_000 }, (error, stdout) => {
      try {
        resolve(error ? undefined : JSON.parse(stdout));
      } catch {
        resolve(undefined);
      }
    });
    child.stdin?.on('error', () => {}).end(registry);
  });
}

const encode = (auth: Credentials): string =>
  Buffer.from(JSON.stringify(auth)).toString('base64').replace(/\+/g, '-').replace(/\//g, '_');
