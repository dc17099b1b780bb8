import { z } from 'zod';
import { DurationOr } from '../core/fields.ts';
import { outOfBounds } from './parts/bounds.ts';
import { withDeadline } from './parts/deadline.ts';
import { exchange, peerOf } from './parts/http-request.ts';
import { networkSentence } from './parts/network-error.ts';
import { parseAnswer, reduceSamples, type Sample, series, toNumber } from './parts/prometheus-answer.ts';
import { defineProbe } from './probe.ts';

const mostBody = 8 * 1024 * 1024;
const mostBrief = 5;

/** Asks a Prometheus server one instant query. */
export default defineProbe({
  id: 'prometheus',
  summary: 'Ask Prometheus an instant query; judge the number.',
  params: z.strictObject({
    url: z
      .string()
      .refine(
        (url) => /^https?:\/\//i.test(url) && URL.canParse(url),
        'not an address: it starts with http:// or https://',
      )
      .describe('The server, without /api/v1.')
      .meta({ examples: ['http://127.0.0.1:9090'] }),
    query: z.string().min(1, 'must not be empty').describe('PromQL that gives a scalar or an instant vector.'),
    timeout: DurationOr('5s'),
    headers: z.record(z.string(), z.string()).default({}),
    insecure: z.boolean().default(false).describe('Accept any TLS certificate.'),
  }),
  tolerance: z
    .strictObject({
      min: z.number().optional(),
      max: z.number().optional(),
      equals: z.number().optional(),
      reduce: z
        .enum(['all', 'any', 'sum', 'max', 'min', 'avg'])
        .default('all')
        .describe('Which of several samples are judged: all, any one, or one number made of them.'),
      empty: z.enum(['ok', 'bad']).default('bad').describe('What no sample at all means.'),
    })
    .prefault({})
    .describe('Without bounds: any sample that is a number. NaN is never good.'),
  async read({ url, query, timeout, headers, insecure }, signal) {
    try {
      const answer = await withDeadline(timeout, signal, (inner) =>
        exchange(
          { url: queryUrl(url, query), method: 'GET', headers, followRedirects: false, insecure, keep: mostBody },
          inner,
        ),
      );
      const parsed = parseAnswer(answer);
      return typeof parsed === 'string' ? { value: null, error: parsed } : { value: { samples: parsed } };
    } catch (error) {
      signal.throwIfAborted();
      const { host, port } = peerOf(url);
      return { value: null, error: networkSentence(error, host, port) };
    }
  },
  judge(reading, { reduce, empty, ...bounds }) {
    if (reading.error !== undefined) return reading.error;
    const { samples } = reading.value as { readonly samples: readonly Sample[] };
    if (samples.length === 0) return empty === 'ok' ? null : 'the query found nothing';
    if (reduce !== 'all' && reduce !== 'any') {
      const why = outOfBounds(reduceSamples(samples, reduce), bounds);
      return why === null ? null : `${reduce} of ${samples.length}: ${why}`;
    }
    const bad = samples.flatMap((sample) => {
      const why = outOfBounds(toNumber(sample.value), bounds);
      return why === null ? [] : [`${series(sample)}${why}`];
    });
    if (bad.length === 0 || (reduce === 'any' && bad.length < samples.length)) return null;
    return samples.length === 1
      ? (bad[0] ?? null)
      : `${bad.length} of ${samples.length} out of range, first: ${bad[0]}`;
  },
  brief(value) {
    if (value === null) return null;
    const { samples } = value as { readonly samples: readonly Sample[] };
    return { count: samples.length, values: samples.slice(0, mostBrief).map(({ value: text }) => text) };
  },
});

function queryUrl(base: string, query: string): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  url.searchParams.set('query', query);
  return url.href;
}
