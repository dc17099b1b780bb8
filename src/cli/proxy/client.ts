import type { Command } from 'commander';
import { defaultUrl, openProxyClient, type ProxyClient } from '../../proxy/client.ts';
import { actOn, addCommonFlags } from '../command.ts';
import { type CliContext, usage } from '../context.ts';

/** What a command that speaks to a server gets. */
export interface ClientWork {
  readonly client: ProxyClient;
  readonly json: boolean;
  readonly args: readonly string[];
}

/** Let a sub-command speak to the server that --url, or the environment, names. */
export function speak<O>(
  parent: Command,
  command: Command,
  context: CliContext,
  work: (tools: ClientWork, options: O) => Promise<void>,
): void {
  command.option('--url <url>', `the server (default: $ZASHIKI_PROXY_URL, $TOXIPROXY_URL, else ${defaultUrl})`);
  addCommonFlags(command);
  actOn<O & { url?: string }>(parent, command, async (args, { json, ...options }) => {
    const { env } = context;
    const client = openProxyClient({
      url: options.url ?? (env.ZASHIKI_PROXY_URL || env.TOXIPROXY_URL || defaultUrl),
      token: env.ZASHIKI_PROXY_TOKEN || undefined,
    });
    await work({ client, json, args }, options as unknown as O);
    return 0;
  });
}

/** The first argument, or a refusal. */
export function nameOf(args: readonly string[]): string {
  const [name] = args;
  if (name) return name;
  throw usage('the name of a proxy is missing', 'zashiki proxy list shows them');
}
