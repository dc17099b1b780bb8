import { hostname } from 'node:os';
import { clientName, makeCertificates, readAddress, readToken, runAgent, tokenReview } from '../../agent/index.ts';
import { systemClock } from '../../core/clock.ts';
import { parseDuration } from '../../core/duration.ts';
import type { Milliseconds } from '../../core/model.ts';
import { stateFolder } from '../../journal/state.ts';
import { openCatalogue } from '../../sdk/catalogue.ts';
import { act, actOn, addCommonFlags, type DefineCommand } from '../command.ts';
import { type CliContext, say, sayJson, usage } from '../context.ts';
import { onInterrupt } from '../interrupt.ts';
import { daemonLog } from '../output/daemon-log.ts';
import { collect } from '../trigger-flags.ts';
import { addCall } from './agent-call.ts';
import { number } from './plan.ts';

interface Flags {
  readonly listen?: readonly string[];
  readonly tlsDir?: string;
  readonly tokenFile?: string;
  readonly tokenReview?: string;
  readonly allowClient?: readonly string[];
  readonly name?: string;
  readonly exitWhenIdle?: string;
}

const usualAddress = '127.0.0.1:7475';

/** `zashiki agent`: faults on this machine, for controllers elsewhere; `certs` and `call` beside it. */
const define: DefineCommand = (command, context) => {
  command
    .enablePositionalOptions()
    .summary('carry out faults on this machine for controllers elsewhere')
    .description(
      'Carry out whole faults on this machine for controllers elsewhere, with a journal, a reaper and a lease of its own: when the controller is gone, the agent recovers by itself; when the agent was killed, its reaper or its next start does.',
    )
    .option('--listen <address>', `HOST:PORT or unix:/PATH (repeatable; default: ${usualAddress})`, collect)
    .option('--tls-dir <folder>', 'ca.crt, server.crt and server.key: clients show a certificate of that CA')
    .option('--token-file <file>', 'clients may show this token instead')
    .option('--token-review <audience>', 'clients may show a Kubernetes service-account token made for this audience')
    .option(
      '--allow-client <name>',
      `whose certificate or service account is let in (repeatable; default: ${clientName})`,
      collect,
    )
    .option('--exit-when-idle <span>', 'end when nothing is on and nobody has asked for so long, e.g. 30s')
    .option('--name <name>', 'what this machine is called in messages (default: its host name)')
    .addHelpText(
      'after',
      `
Examples:
  zashiki agent certs /etc/zashiki/agent --server node1.example --server 10.0.0.5
  zashiki agent --listen 0.0.0.0:7475 --tls-dir /etc/zashiki/agent
  zashiki agent --listen unix:/run/zashiki/agent.sock
  zashiki agent call /v1/status --url unix:/run/zashiki/agent.sock`,
    );
  act<Flags>(command, async (_args, flags) => {
    const listen = (flags.listen ?? [usualAddress]).map(readAddress);
    checkAuth(
      flags,
      listen.some((address) => !('unix' in address)),
    );
    const log = daemonLog(context, flags.json);
    const review = flags.tokenReview;
    using interrupt = onInterrupt(context, () => [], { idle: true });
    const left = await runAgent({
      state: flags.state ?? stateFolder(context.env),
      name: flags.name ?? hostname(),
      version: context.version,
      listen,
      tlsFolder: flags.tlsDir,
      auth: {
        allowed: flags.allowClient ?? [clientName],
        tokenFile: flags.tokenFile,
        review:
          review === undefined ? undefined : tokenReview({ audience: review, clock: systemClock, env: context.env }),
      },
      catalogue: openCatalogue(),
      idleMs: spanOf(flags.exitWhenIdle),
      log: log.line,
      onListening: (urls) => log.line(`listening on ${urls.join(', ')}`),
      signal: interrupt.signal,
    });
    for (const line of left) log.line(`still on: ${line}; the reaper goes on`);
    return left.length === 0 ? 0 : 3;
  });
  addCerts(command, context);
  addCall(command, context);
};
export default define;

function spanOf(text: string | undefined): Milliseconds | undefined {
  const span = text === undefined ? undefined : parseDuration(text);
  if (text === undefined || (span !== undefined && span > 0)) return span;
  throw usage(`--exit-when-idle ${text} is not a span of time`, 'write for example --exit-when-idle 30s');
}

function checkAuth({ tlsDir, tokenFile, tokenReview: audience, allowClient }: Flags, open: boolean): void {
  if (tokenFile !== undefined) readToken(tokenFile);
  if (audience !== undefined && allowClient === undefined) {
    throw usage(
      '--token-review needs --allow-client: which service account is let in',
      'system:serviceaccount:NAMESPACE:NAME',
    );
  }
  if (!open || tlsDir !== undefined || tokenFile !== undefined || audience !== undefined) return;
  throw usage(
    'whoever can reach this port could do anything here',
    'give --tls-dir (zashiki agent certs DIR makes one) or --token-file, or listen on unix:/PATH',
  );
}

function addCerts(parent: Parameters<DefineCommand>[0], context: CliContext): void {
  const certs = parent
    .command('certs')
    .summary('make certificates for agents and their clients')
    .description('Make ca, server and client certificates (.crt, .key) in a folder. A CA that is there is used again.')
    .argument('<folder>')
    .option('--server <name>', 'a name or address of the agent (repeatable; default: this host, and loopback)', collect)
    .option('--client <name>', 'the name in the client’s certificate', clientName)
    .option('--days <n>', 'how long server and client are valid', number, 825);
  addCommonFlags(certs);
  actOn<{ server?: readonly string[]; client: string; days: number }>(parent, certs, async ([folder], flags) => {
    const { server, client, days, json } = flags;
    const files = await makeCertificates(folder ?? '', { ...(server ? { servers: server } : {}), client, days });
    if (json) sayJson(context, { files });
    else for (const file of files) say(context, file);
    return 0;
  });
}
