import { z } from 'zod';
import type { Path } from '../../../spec/problem.ts';
import { show } from '../../../spec/problem.ts';
import { GoDuration, Text } from '../fields.ts';
import type { Kind } from '../kind.ts';
import { mapOf, type Raw, type Say } from '../say.ts';

const Http = z.strictObject({
  url: Text.regex(/^https?:\/\/[^\s/]/, 'not a URL: write it in full, like http://shop.default:8080/health'),
  method: z.enum(['GET', 'POST']).default('GET'),
  headers: z.record(z.string(), z.array(Text)).optional(),
  body: Text.optional(),
  criteria: z.strictObject({ statusCode: Text.describe('"200", or a range such as "200-400".') }),
});

export const StatusCheckSpec = z.strictObject({
  mode: z
    .enum(['Synchronous', 'Continuous'])
    .default('Synchronous')
    .describe('Until a threshold is reached, or all the while.'),
  type: z.enum(['HTTP']),
  duration: GoDuration.optional().describe('How long at most.'),
  timeoutSeconds: z.int().min(1).default(1),
  intervalSeconds: z.int().min(1).default(10),
  failureThreshold: z.int().min(1).default(3),
  successThreshold: z.int().min(1).default(1),
  recordsHistoryLimit: z.int().min(1).max(1000).default(100),
  http: Http.optional(),
});

/** Asks a service again and again whether it is well. */
export const statusCheck: Kind = {
  kind: 'StatusCheck',
  plural: 'statuschecks',
  summary: 'Ask a service again and again whether it is well.',
  state: 'works',
  spec: StatusCheckSpec,
  rules: checkStatusCheck,
  statusSubresource: true,
};

/** What the fields of a StatusCheck say together, also inside a Workflow. */
export function checkStatusCheck(spec: Raw, path: Path, say: Say): void {
  const http = mapOf(spec.http);
  if (spec.type === 'HTTP' && !http) {
    say(
      [...path, 'http'],
      'missing: type HTTP needs it, such as http: { url: http://shop.default:8080/, criteria: { statusCode: "200" } }',
    );
  }
  const code = mapOf(http?.criteria)?.statusCode;
  if (typeof code !== 'string') return;
  const [, from, to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(code) ?? [];
  const sound = from !== undefined && Number(from) >= 100 && Number(to) <= 599 && Number(from) <= Number(to);
  if (!sound) {
    say(
      [...path, 'http', 'criteria', 'statusCode'],
      `not a status code or range: write "200" or "200-299"; got ${show(code)}`,
    );
  }
}
