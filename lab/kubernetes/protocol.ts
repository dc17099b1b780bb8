import { connect, type Socket } from 'node:net';
import { onLine } from '../docker/lines.ts';
import type { Action } from './cluster.ts';
import type { NodeNet, Place } from './place.ts';

/** What the keeper is started with. */
export interface KeeperOptions {
  /** Folder of the programs of Kubernetes. */
  readonly programs: string;
  /** Archives that both nodes import. */
  readonly images: readonly string[];
  /** Images that could not be built here, and why. */
  readonly missing: readonly string[];
}

/** A question to the keeper, one line of JSON. */
export type Request =
  | { readonly do: 'hold' | 'keep' | 'let-go' | 'status' }
  | { readonly do: 'act'; readonly name: string; readonly action: Action }
  | { readonly do: 'simulate'; readonly programs: string };

/** What the keeper says about its cluster. */
export interface Status {
  readonly name: string;
  readonly kubeconfig: string;
  readonly server: string;
  readonly nodes: readonly NodeNet[];
  /** Address ranges of pods and Services; both can be reached from this machine. */
  readonly pods: string;
  readonly services: string;
  /** This machine's address in the cluster's network. */
  readonly host: string;
  /** Process id of the keeper. */
  readonly keeper: number;
  /** First process of each machine that is on. */
  readonly machines: Readonly<Record<string, number>>;
  readonly holders: number;
  readonly byHand: boolean;
  readonly missing: readonly string[];
}

/** The cluster is ending: asking again may find a new one. */
export class Leaving extends Error {}

/** A connection to the keeper of a cluster, or nothing when none runs. */
export function open(place: Place): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(place.keeper);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** Does anybody keep this cluster? */
export async function isKept(place: Place): Promise<boolean> {
  const socket = await open(place);
  socket?.destroy();
  return socket !== undefined;
}

/** Questions over a connection to the keeper, answered in order of their ends. Rejects with `Leaving` when it closes. */
export function asker(socket: Socket): (request: Request) => Promise<Status> {
  const gone = () => new Leaving('the lab cluster is being ended');
  let waiting: { resolve(answer: Status): void; reject(error: Error): void } | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  onLine(socket, (line) => {
    const answer = JSON.parse(line);
    if (answer.error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(answer.error));
  });
  socket.on('close', () => waiting?.reject(gone()));
  const askNow = (request: Request) =>
    new Promise<Status>((resolve, reject) => {
      waiting = { resolve, reject };
      if (socket.destroyed) return reject(gone());
      socket.write(`${JSON.stringify(request)}\n`);
    });
  return (request) => {
    const answer = turn.then(() => askNow(request));
    turn = answer.catch(() => {});
    return answer;
  };
}
