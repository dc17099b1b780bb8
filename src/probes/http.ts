import { z } from 'zod';
import { Duration, DurationOr } from '../core/fields.ts';
import { equalsPattern, Pattern } from '../core/pattern.ts';
import { quote } from './parts/bounds.ts';
import { since, withDeadline } from './parts/deadline.ts';
import { exchange, mostRedirects, peerOf } from './parts/http-request.ts';
import { JsonCheck, judgeJson } from './parts/json-check.ts';
import { networkSentence } from './parts/network-error.ts';
import { defineProbe } from './probe.ts';

const mostBody = 64 * 1024;

const Class = z.string().regex(/^[1-5]xx$/, 'write 200, 2xx, or [200, 204]');
const Status = z.union(
  [z.int().min(100).max(599), Class, z.array(z.union([z.int().min(100).max(599), Class])).min(1)],
  { error: 'not a status: write one such as 200, a class such as 2xx, or a list such as [200, 204]' },
);

const Tolerance = z.strictObject({
  status: Status.default('2xx').describe('A status, a class such as `2xx`, or a list of these.'),
  latency: Duration.optional().describe('The longest time to the end of the body.'),
  body: Pattern.optional().describe('The whole body, or `re2:…` found in it.'),
  json: z
    .union([JsonCheck, z.array(JsonCheck).min(1)])
    .optional()
    .describe('What must hold in a JSON body.'),
});

type Value = { readonly status: number; readonly latency: number; readonly body: string; readonly cut: boolean };

/** One HTTP request over a new connection; good when status, time and content are as wanted. */
export default defineProbe({
  id: 'http',
  summary: 'Send an HTTP request over a new connection; judge status, latency and body.',
  params: z.strictObject({
    url: z
      .string()
      .refine(
        (url) => /^https?:\/\//i.test(url) && URL.canParse(url),
        'not an address: it starts with http:// or https://',
      )
      .meta({ examples: ['http://127.0.0.1:8080/health'] }),
    method: z
      .string()
      .regex(/^[A-Za-z]+$/, 'not an HTTP method: write GET, HEAD, POST …')
      .transform((method) => method.toUpperCase())
      .prefault('GET'),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.string().optional().describe('Sent as it is, UTF-8.'),
    timeout: DurationOr('1s').describe('For everything: look-up, connection, redirects, the last byte of the body.'),
    followRedirects: z.boolean().default(false).describe(`Follow up to ${mostRedirects} redirects.`),
    insecure: z.boolean().default(false).describe('Accept any TLS certificate.'),
  }),
  tolerance: z
    .union([Tolerance, Status.transform((status) => ({ status }))])
    .prefault({})
    .transform((tolerance): z.output<typeof Tolerance> => tolerance),
  async read(params, signal) {
    const from = performance.now();
    try {
      const answer = await withDeadline(params.timeout, signal, (inner) =>
        exchange({ ...params, keep: mostBody }, inner),
      );
      return { value: { status: answer.status, latency: since(from), body: answer.body, cut: answer.cut } };
    } catch (error) {
      signal.throwIfAborted();
      const { host, port } = peerOf(params.url);
      const why = error instanceof RangeError ? error.message : networkSentence(error, host, port);
      return { value: { latency: since(from) }, error: why };
    }
  },
  judge(reading, tolerance) {
    if (reading.error !== undefined) return reading.error;
    const { status, latency, body, cut } = reading.value as Value;
    if (!fits(status, tolerance.status)) return `status ${status}, wanted ${[tolerance.status].flat().join(' or ')}`;
    if (tolerance.latency !== undefined && latency > tolerance.latency) {
      return `took ${latency} ms, at most ${tolerance.latency} ms wanted`;
    }
    if (tolerance.body !== undefined && !equalsPattern(tolerance.body, body)) {
      return `body ${quote(body)} does not match ${quote(tolerance.body)}`;
    }
    return tolerance.json === undefined ? null : judgeBody(body, cut, [tolerance.json].flat());
  },
  brief(value) {
    const { status, latency } = (value ?? {}) as Partial<Value>;
    return { ...(status === undefined ? {} : { status }), ...(latency === undefined ? {} : { latency }) };
  },
});

function fits(status: number, wanted: z.output<typeof Status>): boolean {
  return [wanted].flat().some((each) => each === status || each === `${Math.floor(status / 100)}xx`);
}

function judgeBody(body: string, cut: boolean, checks: readonly JsonCheck[]): string | null {
  if (cut) return `the body is longer than ${mostBody / 1024} KiB, too long to be judged as JSON`;
  try {
    const parsed = JSON.parse(body);
    return checks.map((check) => judgeJson(parsed, check)).find((why) => why !== null) ?? null;
  } catch {
    return `the body is not JSON: ${quote(body)}`;
  }
}
