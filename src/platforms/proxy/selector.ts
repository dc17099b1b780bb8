import { z } from 'zod';
import { Pattern } from '../../core/pattern.ts';

const Given = Pattern.min(1, 'must not be empty');
const oneOrMore = (what: string) =>
  z.union([Given, z.array(Given).min(1, `the list is empty: write ${what}`)], {
    error: `write ${what}, or a list of them`,
  });

/**
 * The `target: { proxy: … }` part of a document: proxies of a running `zashiki proxy` or Toxiproxy. All given keys must
 * match; a list means any of its entries. Text values are exact, or `re2:` and RE2 syntax.
 */
export const ProxySelector = z
  .strictObject({
    url: z
      .string()
      .regex(/^(https?:\/\/)?[^\s/]+(\/\S*)?$/, 'write a URL, like http://127.0.0.1:8474')
      .optional()
      .describe('The server. Default: ZASHIKI_PROXY_URL, TOXIPROXY_URL, else http://127.0.0.1:8474.'),
    name: oneOrMore('the name of a proxy').optional().describe('Name of the proxy.'),
    listen: oneOrMore('an address').optional().describe('Address that it listens on, e.g. 127.0.0.1:26379.'),
    upstream: oneOrMore('an address').optional().describe('Address that it connects to, e.g. redis:6379.'),
  })
  .superRefine((given, context) => {
    const { name, listen, upstream } = given;
    if (name || listen || upstream || context.issues.length > 0) return;
    const message = 'would match every proxy: write for example `name: redis`, or `name: "re2:."` for all';
    context.addIssue({ code: 'custom', message });
  })
  .meta({ title: 'proxy selector', description: 'Which proxies of a fault proxy; all given keys must match.' });
export type ProxySelector = z.output<typeof ProxySelector>;
