import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../src/core/clock.ts';
import type { JournalEvent } from '../src/core/events.ts';
import type { Journal } from '../src/core/ports.ts';
import { createSampler } from '../src/core/run/sampler.ts';
import http from '../src/probes/http.ts';
import { openCatalogue } from '../src/sdk/catalogue.ts';
import { type Figure, inTurns } from './bench.ts';

/** A reading through the engine (probe, judgment, journal) against the probe's bare read of the same server. */
export async function probing(): Promise<readonly Figure[]> {
  const server = createServer((_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const events: JournalEvent[] = [];
  const journal: Journal = {
    append: (event) => {
      const full = { ...event, seq: 0, at: 0, mono: 0 } as JournalEvent;
      events.push(full);
      return full;
    },
    read: () => events,
    overtaken: () => false,
    subscribe: () => () => {},
  };
  const subject = {
    name: 'x',
    probe: { id: 'http', params: { url } },
    tolerance: { status: 200 },
    every: 1000,
    recoversWithin: 1000,
  };
  const sampler = createSampler('hypothesis', 0, subject, { catalogue: openCatalogue(), clock: systemClock, journal });
  const { signal } = new AbortController();
  const params = http.params.parse({ url });
  const repeat = async (work: () => Promise<unknown>) => {
    for (let i = 0; i < 50; i++) await work();
  };
  try {
    const { one, other } = await inTurns(
      9,
      () => repeat(() => sampler.once('method', signal)),
      () => repeat(() => http.read(params, signal, { count: async () => 0 })),
    );
    const each = (ms: number) => `${((ms / 50) * 1000).toFixed(0)} µs`;
    return [
      {
        name: 'one http reading through the engine',
        baseline: 'the bare read',
        ratio: one / other,
        limit: 1.5,
        detail: `${each(one)}, ${each(other)}`,
      },
    ];
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
