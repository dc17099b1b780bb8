import type { Client } from './client.ts';
import { clusterAt } from './client.ts';
import { type ObjectIdentity, pathOf } from './identity.ts';
import { isMissing } from './refusal.ts';
import type { Meta, Namespace } from './types.ts';

/** A look that is no older than this is not made again: check, spare and plan ask about one object within a moment. */
export const freshMs = 100;
/** What a namespace says about chaos is asked for again after so long. */
const policyMs = 3000;

interface Look {
  /** When the answer came; nothing yet: it is on its way. */
  since: number;
  readonly found: Promise<{ readonly metadata: Meta } | undefined>;
}

const looks = new WeakMap<Client, Map<string, Look>>();

/** The object itself, or undefined when it is gone or its name belongs to another one by now. */
export async function lookAt<T extends { readonly metadata: Meta }>(identity: ObjectIdentity): Promise<T | undefined> {
  const client = await clusterAt(identity.cluster);
  const { path, ...asked } = pathOf(identity);
  const found = await recent(client, path, freshMs, () => read<T>(client, path, asked));
  return found?.metadata.uid === identity.uid ? (found as T) : undefined;
}

/** The object as it is right now, or undefined. */
export async function readNow<T extends { readonly metadata: Meta }>(
  client: Client,
  identity: ObjectIdentity,
): Promise<T | undefined> {
  const { path, ...asked } = pathOf(identity);
  const found = await read<T>(client, path, asked);
  return found?.metadata.uid === identity.uid ? found : undefined;
}

/** A namespace, or undefined when there is none of this name. */
export async function namespaceAt(client: Client, name: string): Promise<Namespace | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(name)}`;
  const asked = { resource: 'namespaces', namespace: name, name };
  return (await recent(client, path, policyMs, () => read<Namespace>(client, path, asked))) as Namespace | undefined;
}

async function read<T>(
  client: Client,
  path: string,
  asked: { readonly resource: string; readonly namespace?: string; readonly name: string },
): Promise<T | undefined> {
  try {
    return await client.call<T>({ ...asked, method: 'GET', verb: 'get', path });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function recent(client: Client, path: string, most: number, find: () => Look['found']): Look['found'] {
  const known = looks.get(client) ?? new Map<string, Look>();
  looks.set(client, known);
  const now = performance.now();
  const before = known.get(path);
  if (before && now - before.since < most) return before.found;
  for (const [key, { since }] of known) if (now - since > policyMs) known.delete(key);
  const look: Look = { since: Number.POSITIVE_INFINITY, found: find() };
  known.set(path, look);
  look.found.then(
    () => {
      look.since = performance.now();
    },
    () => known.delete(path),
  );
  return look.found;
}
