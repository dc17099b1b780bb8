import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { needsRecovery, runIds } from '../journal/runs.ts';
import { openState, runFolder, runsFolder } from '../journal/state.ts';
import { ownContainers } from '../platforms/docker/local.ts';
import type { Endpoint } from '../platforms/docker/runtime.ts';
import { type Client, openClient, Refusal } from '../platforms/docker/runtimes/engine/client.ts';
import { openProc } from '../platforms/host/proc.ts';

interface Listed {
  readonly Id: string;
  readonly ImageID: string;
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Mounts?: readonly { readonly Destination: string }[] | null;
}

/** Its runner is gone. One that is paused, or starts again by itself, looks after its own. */
const hasEnded = ({ State }: Listed): boolean => State === 'exited' || State === 'dead';

/** Its state is on a volume, which others may be at work on: whoever uses that next recovers what is there. */
const keepsApart = ({ Mounts }: Listed, state: string): boolean =>
  (Mounts ?? []).some(({ Destination }) => `${runsFolder(state)}/`.startsWith(`${Destination.replace(/\/$/, '')}/`));

/** Who started a container. Others may run our image too, and must not tell us what to undo. */
const owners = ['io.kubernetes.pod.uid', 'com.docker.compose.project', 'com.docker.swarm.service.id'];

/**
 * For a container without a volume: take over what earlier containers of the same image and the same owner left behind
 * when they died, from their file systems, which the engine still has. Returns the runs that were taken over, now in
 * `state`, still to be recovered. Does nothing outside a container of this engine.
 */
export async function adopt(state: string, endpoint: Endpoint): Promise<readonly string[]> {
  const client = await openClient(endpoint);
  const filters = JSON.stringify({ label: ['zashiki.dev/skip=true'] });
  const listed = await client.call<readonly Listed[]>('GET', '/containers/json', { query: { all: 1, filters } });
  const isMe = ownContainers(openProc(), hostname());
  const me = listed.find(({ Id }) => isMe(Id));
  if (!me) return [];
  const kin = listed.filter(
    (one) =>
      one.Id !== me.Id &&
      one.ImageID === me.ImageID &&
      owners.every((owner) => one.Labels[owner] === me.Labels[owner]) &&
      !keepsApart(one, state),
  );
  openState(state);
  const work = mkdtempSync(join(state, 'adopt-'));
  try {
    const left: { readonly from: string; readonly run: string }[] = [];
    const done = new Set(runIds(state));
    for (const one of kin) {
      const { Id } = one;
      const copy = join(work, Id);
      mkdirSync(copy, { mode: 0o700 });
      if (!(await copyOut(client, Id, runsFolder(state), copy))) continue;
      for (const run of runIds(copy)) {
        // Another one may have recovered it already, or be at it.
        if (!needsRecovery(copy, run) || !hasEnded(one)) done.add(run);
        else left.push({ from: copy, run });
      }
    }
    const taken = left.filter(({ run }) => !done.has(run));
    for (const { from, run } of taken) {
      if (!existsSync(runFolder(state, run))) renameSync(runFolder(from, run), runFolder(state, run));
    }
    return [...new Set(taken.map(({ run }) => run))];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Copy a folder out of a container, whether it runs or not. False when it has none. */
async function copyOut(client: Client, id: string, folder: string, to: string): Promise<boolean> {
  try {
    const archive = await client.stream('GET', `/containers/${id}/archive`, { query: { path: folder } });
    const tar = spawn('tar', ['--extract', '--no-same-owner', '--file', '-', '--directory', to], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = new Promise<boolean>((resolve) => {
      tar.once('error', () => resolve(false));
      tar.once('close', (code) => resolve(code === 0));
    });
    await pipeline(archive, tar.stdin);
    return await ended;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
