import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, startAgent, testFolder } from '../../../agent/testing.ts';
import { transportAt } from './asker.fixture.ts';

const program = resolve(import.meta.dirname, '../../../../dist/cli/main.cjs');

/** What is used here of the websockets that the client library brings. */
interface Socket {
  send(data: Buffer): void;
  close(): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer) => void): void;
  on(event: 'close', listener: () => void): void;
}
interface Sockets {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, then: (socket: Socket) => void): void;
}
const { WebSocketServer } = createRequire(import.meta.url)('ws') as {
  WebSocketServer: new (options: object) => Sockets;
};

interface Run {
  readonly argv: readonly string[];
  readonly child: ChildProcess;
  readonly socket: Socket;
}

/** An API server with one agent's pod, where programs are really run, with `url` for the agent's own socket. */
async function startCluster(url: string, runAs = (argv: string[]): string[] => argv) {
  const runs: Run[] = [];
  const state = { uid: 'u1', refused: 0, farewells: 0 };
  const pod = () => ({
    metadata: { namespace: 'zashiki', name: 'agent-1', uid: state.uid },
    spec: { containers: [{ name: 'agent' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'agent', state: { running: {} } }] },
  });
  const server = createServer((request, response) => {
    const isList = request.url?.includes('/pods') ?? false;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isList ? { items: [pod()] } : { metadata: { name: 'zashiki', uid: 'n' } }));
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'v5.channel.k8s.io' });
  server.on('upgrade', (request, stream, head) => {
    if (state.refused > 0) {
      state.refused--;
      return void stream.end('HTTP/1.1 500 Internal Server Error\r\n\r\n');
    }
    const argv = new URL(request.url ?? '', 'http://x').searchParams.getAll('command').slice(1);
    sockets.handleUpgrade(request, stream, head, (socket) => void runs.push(exec(socket, argv)));
  });
  const exec = (socket: Socket, argv: string[]): Run => {
    const real = runAs(argv.map((arg) => (arg.startsWith('unix:') ? url : arg)));
    const child = spawn(process.execPath, [program, ...real]);
    const send = (channel: number) => (data: Buffer) => socket.send(Buffer.concat([Buffer.from([channel]), data]));
    child.stdout.on('data', send(1));
    child.stderr.on('data', send(2));
    child.stdin.on('error', () => {});
    child.once('close', (code) => {
      const causes = [{ reason: 'ExitCode', message: String(code ?? 137) }];
      const status = code === 0 ? { status: 'Success' } : { status: 'Failure', details: { causes } };
      send(3)(Buffer.from(JSON.stringify(status)));
      socket.close();
    });
    socket.on('message', (data) => {
      if (data[0] === 0) child.stdin.write(data.subarray(1));
      if (data[0] !== 255) return;
      state.farewells++;
      child.stdin.end();
    });
    socket.on('close', () => child.stdin.end());
    return { argv, child, socket };
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    for (const { socket } of runs) socket.terminate();
    await Promise.all(runs.map(({ child }) => ended(child)));
    server.closeAllConnections();
    server.close();
  });
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { transport: await transportAt(at), runs, state, at };
}

const ended = async (child: ChildProcess) => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};
const lease = { injections: [], lease: 1000 };

test('all that is asked of an agent goes over one program in its pod', async () => {
  const agent = await startAgent(testFolder());
  const { transport, runs } = await startCluster(agent.url);
  const answers = await Promise.all(Array.from({ length: 10 }, () => transport('/v1/lease', lease)));
  expect(answers).toEqual(Array.from({ length: 10 }, () => ({ status: 200, body: { on: [] } })));
  expect(await transport('/v1/status', null)).toMatchObject({ status: 200, body: { name: 'node' } });
  expect(runs.map(({ argv }) => argv)).toEqual([['agent', 'call', '--lines', '--url', 'unix:/run/zashiki/agent.sock']]);
});

test('a body of a megabyte', async () => {
  const agent = await startAgent(testFolder());
  const { transport, runs } = await startCluster(agent.url);
  const injections = Array.from({ length: 9999 }, (_, index) => ({
    run: `r${index}-${'y'.repeat(100)}`,
    injection: 'i1',
  }));
  expect(await transport('/v1/lease', { injections, lease: 1000 })).toEqual({ status: 200, body: { on: [] } });
  expect(runs.length).toBe(1);
});

test.each([
  ['the connection is cut', ({ socket }: Run): void => socket.terminate()],
  ['the program is killed', ({ child }: Run): void => void child.kill('SIGKILL')],
] as const)('%s: it is asked again over another line', async (_name, cut) => {
  const agent = await startAgent(testFolder());
  const { transport, runs } = await startCluster(agent.url);
  await transport('/v1/lease', lease);
  const [first] = runs as [Run];
  // What it is asked now stays open until the line is gone.
  process.kill(agent.pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(agent.pid, 'SIGCONT'));
  const asked = [transport('/v1/lease', lease), transport('/v1/status', null)];
  cut(first);
  await ended(first.child);
  await eventually(() => runs.length === 2, 'another line is opened');
  process.kill(agent.pid, 'SIGCONT');
  expect(await Promise.all(asked)).toMatchObject([{ status: 200 }, { status: 200 }]);
  expect(runs.length).toBe(2);
});

test('a server that refuses is asked again', async () => {
  const agent = await startAgent(testFolder());
  const { transport, runs, state } = await startCluster(agent.url);
  state.refused = 2;
  expect(await transport('/v1/lease', lease)).toMatchObject({ status: 200 });
  expect(state.refused).toBe(0);
  expect(runs.length).toBe(1);
});

test('another pod has a line of its own', async () => {
  const agent = await startAgent(testFolder());
  const { transport, runs, state } = await startCluster(agent.url);
  await transport('/v1/lease', lease);
  state.uid = 'u2';
  const [first] = runs as [Run];
  first.child.kill('SIGKILL');
  await ended(first.child);
  await eventually(async () => (await transport('/v1/lease', lease)).status === 200, 'it is answered');
  expect(runs.length).toBe(2);
});

test('a program of another version, which does not know the flag, is told clearly', async () => {
  const agent = await startAgent(testFolder());
  const old = (argv: string[]) => argv.map((arg) => (arg === 'call' ? 'certs' : arg));
  const { transport, runs } = await startCluster(agent.url, old);
  await expect(transport('/v1/lease', lease)).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining('the agent in zashiki/agent-1 is of another version'),
    hint: expect.stringContaining('use the image of this version'),
  });
  expect(runs.length, 'asking again is of no use').toBe(1);
});

test('a process that has nothing more to ask ends, and does not wait until its line is closed', async () => {
  const agent = await startAgent(testFolder());
  const { runs, state, at } = await startCluster(agent.url);
  const asker = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'asker.fixture.ts'), at]);
  let out = '';
  asker.stdout.on('data', (chunk) => {
    out += chunk;
  });
  await once(asker, 'close');
  expect(JSON.parse(out)).toEqual({ status: 200, body: { on: [] } });
  expect(state.farewells).toBe(0);
  const [run] = runs as [Run];
  await ended(run.child);
  expect(run.child.exitCode).toBe(0);
});

test('a question that is given up', async () => {
  const agent = await startAgent(testFolder());
  const { transport, runs } = await startCluster(agent.url);
  await transport('/v1/lease', lease);
  process.kill(agent.pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(agent.pid, 'SIGCONT'));
  await expect(transport('/v1/status', null, AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'TimeoutError' });
  process.kill(agent.pid, 'SIGCONT');
  expect(await transport('/v1/lease', lease)).toMatchObject({ status: 200 });
  expect(runs.length).toBe(1);
});
