import type { JsonObject } from '../../core/model.ts';
import { type AgentEndpoint, answerLines, openTransport, type Transport } from '../../remote/index.ts';
import { actOn, addCommonFlags, type DefineCommand } from '../command.ts';
import { type CliContext, sayJsonLine, usage } from '../context.ts';

interface Flags {
  readonly lines?: boolean;
  readonly url: string;
  readonly tlsDir?: string;
  readonly tokenFile?: string;
  readonly serverName?: string;
}

/** `zashiki agent call`: ask an agent by hand, or many things over one connection to where it is. */
export function addCall(parent: Parameters<DefineCommand>[0], context: CliContext): void {
  const call = parent
    .command('call')
    .summary('ask an agent one thing; the body comes from standard input')
    .description(
      'Ask an agent one thing and print {"status","body"} on one line. /v1/status, /healthz and /metrics are read; for others the JSON body comes from standard input. With --lines many things are asked at a time, one JSON document a line, and each answer is a line with the same id, printed when it is there.',
    )
    .argument('[path]', 'for example /v1/status; none with --lines')
    .option('--lines', 'take questions from standard input, until it ends or is silent for 30 s')
    .option('--url <url>', 'the agent', 'http://127.0.0.1:7475')
    .option('--tls-dir <folder>', 'ca.crt, client.crt and client.key')
    .option('--token-file <file>', 'a token instead of a client certificate')
    .option('--server-name <name>', 'the name in the agent’s certificate');
  addCommonFlags(call);
  call.addHelpText(
    'after',
    `
With --lines:
  {"id":7,"path":"/v1/plan","body":{…}}   a question; without a body it is a GET
  {"id":7,"status":200,"body":{…}}        its answer, or {"id":7,"error":{…}} when the agent gave none
  {"id":7,"cancel":true}                  the question is given up; it is not answered any more
  an empty line                           is answered by one: a sign of life

Examples:
  zashiki agent call /v1/status --url unix:/run/zashiki/agent.sock
  (echo '{"id":1,"path":"/v1/status"}'; sleep 1) | zashiki agent call --lines --url unix:/run/zashiki/agent.sock`,
  );
  actOn<Flags>(parent, call, async ([path], flags) => {
    const { lines = false, url, tlsDir, tokenFile, serverName } = flags;
    if (lines === (path !== undefined)) throw usage('give either a path, for example /v1/status, or --lines');
    const endpoint: AgentEndpoint = {
      url,
      ...(tlsDir === undefined ? {} : { tls: tlsDir }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
      ...(serverName === undefined ? {} : { serverName }),
    };
    const transport = openTransport(endpoint);
    return path === undefined ? callLines(transport, context) : callOnce(transport, path, context);
  });
}

async function callOnce(transport: Transport, path: string, context: CliContext): Promise<number> {
  const reads = ['/v1/status', '/healthz', '/metrics'].includes(path);
  const answer = await transport(path, reads ? null : await bodyFrom(context));
  sayJsonLine(context, answer);
  return answer.status === 200 ? 0 : 1;
}

/** Answers that nobody takes off our hands must not keep us. */
const lastWordsMs = 1000;

async function callLines(transport: Transport, { stdin, stdout }: CliContext): Promise<number> {
  try {
    await answerLines(stdin, stdout, transport);
    return 0;
  } finally {
    setTimeout(() => process.exit(), lastWordsMs).unref();
  }
}

/** Without waiting for its end: over some connections it cannot be closed before the answer is there. */
async function firstLine(from: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) {
    chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString();
    if (text.includes('\n') && isWhole(text)) return text;
  }
  return Buffer.concat(chunks).toString();
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function bodyFrom(context: CliContext): Promise<JsonObject> {
  const given = await firstLine(context.stdin);
  try {
    return JSON.parse(given) as JsonObject;
  } catch (error) {
    throw usage(`standard input is not JSON: ${(error as Error).message}`, 'give the body of the request');
  }
}
