import { z } from 'zod';
import { GoDuration, Text } from '../fields.ts';
import { experimentShape, type Kind, legacyShape } from '../kind.ts';
import { isGiven, mapOf } from '../say.ts';
import { checkPods, podShape } from '../selector.ts';

const texts = z.record(z.string(), Text);
const pairs = z.array(z.array(Text).length(2));

const Replace = z.strictObject({
  path: Text.optional(),
  method: Text.optional(),
  code: z.int().min(100).max(599).optional(),
  body: Text.regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base64')
    .optional()
    .describe('In base64.'),
  queries: texts.optional(),
  headers: texts.optional(),
});

const Patch = z.strictObject({
  body: z.strictObject({ type: z.enum(['JSON']), value: Text }).optional(),
  queries: pairs.optional(),
  headers: pairs.optional(),
});

export const HTTPChaosSpec = z.strictObject({
  ...podShape,
  target: z.enum(['Request', 'Response']),
  port: z.int().min(1).max(65535).describe('Port of the server in the pod.'),
  path: Text.optional().describe('Only this path.'),
  method: Text.optional().describe('Only this method.'),
  code: z.int().min(100).max(599).optional().describe('Only this status code.'),
  request_headers: texts.optional(),
  response_headers: texts.optional(),
  abort: z.boolean().optional(),
  delay: GoDuration.optional(),
  replace: Replace.optional(),
  patch: Patch.optional(),
  tls: z
    .strictObject({ secretName: Text, secretNamespace: Text, certName: Text, keyName: Text, caName: Text.optional() })
    .optional(),
  ...experimentShape,
});

/** Aborts, delays and changes requests and responses. */
export const httpChaos: Kind = {
  kind: 'HTTPChaos',
  plural: 'httpchaos',
  summary: 'Abort, delay or change HTTP requests and responses.',
  state: 'not-yet',
  spec: HTTPChaosSpec,
  legacy: {
    ...legacyShape,
    target: z.enum(['Request', 'Response']).optional(),
    port: z.int().min(1).max(65535).optional(),
    action: Text.optional().describe('v1.x, for Envoy. Not supported.'),
    percent: z.unknown().optional().describe('v1.x, for Envoy. Not supported.'),
    headers: z.unknown().optional().describe('v1.x, for Envoy. Not supported.'),
  },
  rules: (spec, path, say) => {
    checkPods(spec, path, say);
    const envoy = ['action', 'percent', 'headers'].find((key) => isGiven(spec[key]));
    if (envoy) {
      say(
        [...path, envoy],
        'the HTTPChaos of v1.x for Envoy is not supported: write target, port and one of abort, delay, replace and patch',
        {
          on: 'key',
          code: 'not-supported',
        },
      );
      return;
    }
    if (!isGiven(spec.target)) say([...path, 'target'], 'missing: write Request or Response');
    if (!isGiven(spec.port)) say([...path, 'port'], 'missing: write the port of the server in the pod, such as 80');
    const acts = [spec.abort === true, isGiven(spec.delay), mapOf(spec.replace), mapOf(spec.patch)];
    if (!acts.some(Boolean)) say(path, 'nothing to do: give at least one of abort, delay, replace and patch');
    if (spec.target === 'Request' && isGiven(mapOf(spec.replace)?.code)) {
      say([...path, 'replace', 'code'], 'a request has no status code: remove it, or write target: Response', {
        on: 'key',
      });
    }
  },
  block: 'httpChaos',
  columns: ['duration'],
};
