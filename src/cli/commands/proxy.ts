import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../../core/duration.ts';
import { openProxyServer } from '../../proxy/server.ts';
import { isLoopback } from '../../server/index.ts';
import { act, type DefineCommand } from '../command.ts';
import { type CliContext, say, sayJsonLine, usage } from '../context.ts';
import { proxyGuard } from '../proxy/guard.ts';
import { addProxyCommands } from '../proxy/subcommands.ts';
import { addToxicCommands } from '../proxy/toxic-commands.ts';
import { collect } from '../trigger-flags.ts';
import { number } from './plan.ts';

interface Flags {
  readonly listen?: string;
  readonly host: string;
  readonly port: number;
  readonly config?: string;
  readonly seed?: number;
  readonly token?: string;
  readonly open?: boolean;
  readonly allowHost?: readonly string[];
  readonly ttl?: number;
  readonly dialTimeout?: number;
  readonly plain?: boolean;
  readonly proxyMetrics?: boolean;
  readonly runtimeMetrics?: boolean;
}

/** `zashiki proxy`: the server; `zashiki proxy list|inspect|create|toggle|delete|toxic`: its clients. */
const define: DefineCommand = (command, context) => {
  command
    // What stands behind the name of a sub-command is its own.
    .enablePositionalOptions()
    .summary("fault proxy for TCP, UDP and Unix sockets; speaks Toxiproxy's API")
    .description(
      "Run a fault proxy until stopped: Toxiproxy's HTTP API unchanged, so that its clients work as they are. Without root. The commands below speak to a running one, ours or a Toxiproxy.",
    )
    .option('--listen <host:port>', 'address of the HTTP API: --host and --port in one')
    .option('--host <address>', 'address of the HTTP API; others than loopback want a token', '127.0.0.1')
    .option('--port <n>', 'port of the HTTP API; 0 picks a free one', port, 8474)
    .option('--config <file>', 'proxies to create at the start: JSON, as Toxiproxy reads it')
    .option('--seed <n>', 'seed of toxicity, jitter and slices: the same seed draws the same', number)
    .option(
      '--ttl <duration>',
      'toxics and disabled proxies end after this unless their request says how long',
      duration,
    )
    .option('--token <token>', 'every request needs it as a bearer token (default: $ZASHIKI_PROXY_TOKEN)')
    .option('--open', 'no token although others can reach the API')
    .option('--allow-host <name>', 'a further host name under which the API is reached (repeatable)', collect)
    .option('--dial-timeout <duration>', 'how long connecting to an upstream may take (default: 30s)', duration)
    .option('--plain', "use Node's streams instead of their handles")
    .option('--proxy-metrics', 'GET /metrics shows bytes, connections and toxics')
    .option('--runtime-metrics', 'GET /metrics shows the process')
    .addHelpText(
      'after',
      `
Environment:
  ZASHIKI_PROXY_TOKEN                  the token, of the server and for the commands
  ZASHIKI_PROXY_URL, TOXIPROXY_URL     which server the commands speak to (default http://127.0.0.1:8474)

Examples:
  zashiki proxy --config proxies.json --seed 7
  zashiki proxy create -l 127.0.0.1:26379 -u 127.0.0.1:6379 redis
  zashiki proxy create -l udp://127.0.0.1:5353 -u udp://127.0.0.1:53 dns
  zashiki proxy toxic add -t latency -a latency=200 -a jitter=20 --ttl 30s redis
  zashiki proxy toggle redis
  zashiki proxy list --json`,
    );
  act<Flags>(command, async (_args, flags) => {
    const { host, port: at } = addressOf(flags);
    const token = flags.token ?? (context.env.ZASHIKI_PROXY_TOKEN || undefined);
    const local = isLoopback(host);
    if (!local && !token && !flags.open) {
      throw usage(
        `--host ${host}: others could reach this, and no token is set`,
        'set ZASHIKI_PROXY_TOKEN, or say --open',
      );
    }
    const server = await openProxyServer({
      ...{ host, port: at },
      ...(flags.dialTimeout === undefined ? {} : { dialTimeout: flags.dialTimeout }),
      ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      ttl: flags.ttl ?? null,
      wire: flags.plain ? 'plain' : 'fast',
      ...(flags.config === undefined ? {} : { config: textOf(flags.config) }),
      metrics: { proxy: flags.proxyMetrics ?? false, runtime: flags.runtimeMetrics ?? false },
      refuse: proxyGuard({ token, names: flags.allowHost ?? [], local }),
      log: (line, more = {}) => tell(context, flags.json, line, more),
    });
    tell(context, flags.json, 'Fault proxy', { api: server.url, seed: server.seed });
    await stopped();
    await server.close();
    return 0;
  });
  addProxyCommands(command, context);
  addToxicCommands(command, context);
};
export default define;

function tell(context: CliContext, json: boolean, message: string, more: Readonly<Record<string, unknown>>): void {
  if (json) {
    sayJsonLine(context, { at: Date.now(), message, ...more });
    return;
  }
  const rest = Object.entries(more).map(([key, value]) => ` ${key}=${value}`);
  say(context, `${new Date().toISOString()} ${message}${rest.join('')}`);
}

const stopped = () =>
  new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => resolve());
  });

function addressOf({ listen, host, port: at }: Flags): { host: string; port: number } {
  if (listen === undefined) return { host, port: at };
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(listen);
  if (!match) throw usage(`--listen "${listen}" is not host:port`, 'write it like 127.0.0.1:8474');
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port: port(match[3] ?? '') };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw usage(`--config ${file} cannot be read (${code})`, 'give a JSON file: [{"name","listen","upstream"}]');
  }
}

function port(text: string): number {
  const value = number(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError(`"${text}" is not a port: 0 to 65535.`);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(`"${text}" is not a duration, like 30s or 5m.`);
}
