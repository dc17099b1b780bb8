import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { probes } from '../index.ts';

/**
 * Reads every probe to its end, into a timeout and into an abort, against a server that never ends its answer; then
 * prints how each ended. Whatever a reading leaves behind (socket, timer, process) keeps this program from ending.
 */
const server = createServer((req, res) => {
  if (req.url === '/ok') res.end('ok');
  else res.write('no end');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;

const params: Readonly<Record<string, readonly object[]>> = {
  exec: [
    { command: ['sh', '-c', 'sleep 1000 & wait'], timeout: '100ms' },
    { command: ['sh', '-c', 'sleep 1000'], timeout: '100s' },
  ],
  file: [{ path: '/' }],
  http: [
    { url: `http://127.0.0.1:${port}/ok`, timeout: '100s' },
    { url: `http://127.0.0.1:${port}/`, timeout: '100ms' },
    { url: `http://127.0.0.1:${port}/`, timeout: '100s' },
  ],
  process: [{ name: 'x' }],
  prometheus: [
    { url: `http://127.0.0.1:${port}`, query: 'up', timeout: '100ms' },
    { url: `http://127.0.0.1:${port}`, query: 'up', timeout: '100s' },
  ],
  tcp: [
    { port, timeout: '100s' },
    { port, expect: 'x', timeout: '100ms' },
    { port, expect: 'x', timeout: '100s' },
  ],
};

const stop = new AbortController();
const readings = probes.flatMap((probe) =>
  (params[probe.id] ?? []).map((each) => probe.read(probe.params.parse(each), stop.signal, { count: async () => 1 })),
);
setTimeout(() => stop.abort(new Error('stopped')), 1500);
const ends = await Promise.allSettled(readings);
console.log(
  ends.map((end) => (end.status === 'rejected' ? end.reason.message : (end.value.error ?? 'read'))).join('\n'),
);
server.close();
