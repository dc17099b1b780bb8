import { userInfo } from 'node:os';
import type { JsonObject, Target } from '../core/model.ts';
import { listeningPorts } from '../platforms/host/ports.ts';
import { attempt, openProc } from '../platforms/host/proc.ts';
import { viewOf } from '../platforms/host/view.ts';
import { openCatalogue } from '../sdk/catalogue.ts';

/** Processes of one command line that a first experiment could try. */
export interface Candidate {
  /** The whole command line, exactly as a selector wants it. */
  readonly command: string;
  /** Process name (comm). */
  readonly name: string;
  /** Lowest TCP port that one of them listens on. */
  readonly port: number | undefined;
  readonly count: number;
}

/** How many processes a selector finds that may be hit, and how many that may not. */
export interface Matches {
  readonly free: number;
  readonly protected: number;
}

/** Whose processes may be hit from here: everybody's for root, else one's own. */
export function ownSelector(): JsonObject {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return {};
  try {
    return { user: userInfo().username };
  } catch {
    // A container's uid need not have a name.
    return { user: uid };
  }
}

/** Unprotected processes that may be hit from here, by command line; those that listen on a TCP port come first. */
export async function discoverCandidates(): Promise<readonly Candidate[]> {
  const found = await discover({ command: 're2:.', ...ownSelector() });
  const ports = await portsById();
  const proc = openProc();
  const byCommand = new Map<string, Candidate>();
  for (const { id, name, identity, protected: why } of found) {
    const stat = why ? undefined : attempt(() => proc.stat(Number(identity.pid)));
    // The label of a target is cut; an exact selector wants all of it.
    const command = stat ? viewOf(proc, stat).command() : '';
    if (command === '' || command.startsWith('re2:')) continue;
    const known = byCommand.get(command);
    const open = [known?.port, ports.get(id)].filter((port) => port !== undefined);
    const port = open.length === 0 ? undefined : Math.min(...open);
    byCommand.set(command, { command, name: known?.name ?? name, port, count: (known?.count ?? 0) + 1 });
  }
  const score = ({ port, count }: Candidate) => (port === undefined ? 0 : 1_000_000) + count;
  return [...byCommand.values()].sort((a, b) => score(b) - score(a) || (a.command < b.command ? -1 : 1));
}

/** Look again with the selector as it is written. */
export async function countMatches(selector: JsonObject): Promise<Matches> {
  const found = await discover(selector);
  const free = found.filter(({ protected: why }) => why === undefined).length;
  return { free, protected: found.length - free };
}

async function discover(selector: JsonObject): Promise<readonly Target[]> {
  const platform = await openCatalogue().platform('host');
  return platform.discover(platform.selector.parse(selector) as never);
}

/** The lowest TCP port that each target listens on. */
async function portsById(): Promise<ReadonlyMap<string, number>> {
  const ports = listeningPorts(openProc());
  const listeners = ports.length === 0 ? [] : await discover({ port: ports });
  const pids = listeners.map(({ identity }) => identity.pid ?? 0);
  const byId = new Map<string, number>();
  // Only these are looked at again: reading all descriptors of all processes for each port would take long.
  for (const port of pids.length === 0 ? [] : ports.toReversed()) {
    for (const { id } of await discover({ port, pid: pids })) byId.set(id, port);
  }
  return byId;
}
