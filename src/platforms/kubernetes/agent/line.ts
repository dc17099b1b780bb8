import { PassThrough, Writable } from 'node:stream';
import { isError, ZashikiError } from '../../../core/errors.ts';
import { type Dial, openLine, type Transport } from '../../../remote/index.ts';
import { type ExecStatus, finished, refusedExec } from '../capabilities/exec.ts';
import type { Client } from '../client.ts';
import { type ObjectIdentity, told } from '../identity.ts';
import { usualImage } from './pod-spec.ts';

const argv = ['zashiki', 'agent', 'call', '--lines', '--url', 'unix:/run/zashiki/agent.sock'];

/** An answer may take its time: an effect is looked at, or waited for. */
const longestMs = 130_000;
const farewellMs = 1000;

/** Open lines, by cluster and uid of the agent's pod. */
const lines = new WeakMap<Client, Map<string, Transport>>();

/** The line to the agent in a pod: one for all that is asked of it at a time. */
export function lineTo(client: Client, pod: ObjectIdentity): Transport {
  const ofClient = lines.get(client) ?? new Map<string, Transport>();
  lines.set(client, ofClient);
  const known = ofClient.get(pod.uid);
  if (known) return known;
  const line = openLine(dialPod(client, pod), {
    name: `in ${pod.namespace}/${pod.name}`,
    hint: `see \`kubectl -n ${pod.namespace} logs ${pod.name}\``,
    longestMs,
    onOver: () => void (ofClient.get(pod.uid) === line && ofClient.delete(pod.uid)),
  });
  ofClient.set(pod.uid, line);
  return line;
}

/** The websocket of the client library. */
interface Socket {
  terminate(): void;
  readonly _socket?: { ref(): void; unref(): void };
  addEventListener(event: 'close', listener: () => void): void;
}

/** Run the agent's command line in its pod, over the API's websocket, until it is closed. */
function dialPod(client: Client, pod: ObjectIdentity): Dial {
  return async ({ heard, ended }) => {
    const { Exec } = await import('../library.ts');
    const stdin = new PassThrough();
    const stdout = new Writable({ write: (chunk: Buffer, _encoding, done) => done(void heard(chunk)) });
    let said = '';
    const stderr = new Writable({
      write(chunk: Buffer, _encoding, done) {
        said = `${said}${chunk}`.slice(-2000);
        done();
      },
    });
    const over = (status: ExecStatus) => ended(endOf(pod, status, said));
    const { namespace, name } = pod;
    const socket = (await new Exec(client.config)
      .exec(namespace, name, 'agent', argv, stdout, stderr, stdin, false, (status) => over(status as ExecStatus))
      .catch((error: unknown) => {
        throw refusedExec(error, client, pod);
      })) as unknown as Socket;
    const lost = new ZashikiError('peer-unavailable', `the connection to ${told(pod)} was lost while zashiki ran`);
    // What the program said last may still be on its way when the status comes.
    socket.addEventListener('close', () => setTimeout(() => ended(lost), 50));
    return {
      write: (text) => void stdin.write(text),
      hold: (isNeeded) => (isNeeded ? socket._socket?.ref() : socket._socket?.unref()),
      close() {
        stdin.end();
        // An API server that is not there any more answers no farewell.
        setTimeout(() => socket.terminate(), farewellMs).unref();
      },
    };
  };
}

/** Why nobody answers any more. */
function endOf(pod: ObjectIdentity, status: ExecStatus, stderr: string): Error {
  const where = `${pod.namespace}/${pod.name}`;
  try {
    const { code, stderr: all } = finished(status, argv, longestMs, '', stderr);
    const said = all.trim().slice(0, 300) || `exit code ${code}`;
    if (/unknown option '--lines'/.test(said)) {
      return new ZashikiError('not-supported', `the agent in ${where} is of another version: ${said}`, {
        hint: `use the image of this version: ${usualImage()}`,
      });
    }
    return new ZashikiError('peer-unavailable', `the agent in ${where} does not answer: ${said}`, {
      hint: `see \`kubectl -n ${pod.namespace} logs ${pod.name}\``,
    });
  } catch (error) {
    if (isError(error)) return error;
    throw error;
  }
}
