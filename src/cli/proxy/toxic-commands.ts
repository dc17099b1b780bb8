import type { Command } from 'commander';
import { parseDuration } from '../../core/duration.ts';
import type { ToxicAnswer } from '../../proxy/client.ts';
import { type CliContext, say, sayJson, usage } from '../context.ts';
import { collect } from '../trigger-flags.ts';
import { nameOf, speak } from './client.ts';

interface ToxicFlags {
  readonly toxicName?: string;
  readonly type?: string;
  readonly toxicity?: string;
  readonly attribute?: readonly string[];
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly ttl?: string;
}

/** `toxic add|update|remove`, as of toxiproxy-cli v2.12; `--ttl` is ours. */
export function addToxicCommands(parent: Command, context: CliContext): void {
  const toxic = parent.command('toxic').alias('t').summary('add, update or remove a toxic');
  const named = (command: Command) =>
    command.argument('<proxy>', 'name of the proxy').option('-n, --toxicName <name>', 'name of the toxic');
  const changed = (command: Command) =>
    named(command)
      .option('--tox, --toxicity <share>', 'share of the connections that it is on, 0 to 1')
      .option('-a, --attribute <key=value>', 'an attribute, e.g. latency=200 (repeatable)', collect)
      .option('--ttl <duration>', 'it ends by itself after this, e.g. 30s');

  const add = changed(toxic.command('add').alias('a').summary('add a toxic'))
    .option('-t, --type <type>', 'latency, bandwidth, slow_close, timeout, reset_peer, slicer or limit_data')
    .option('-u, --upstream', 'on what clients send')
    .option('-d, --downstream', 'on what comes back (the default)');
  speak<ToxicFlags>(parent, add, context, async ({ client, json, args }, flags) => {
    const proxy = nameOf(args);
    if (!flags.type) throw usage('--type is missing', 'for example: -t latency -a latency=200');
    if (flags.upstream && flags.downstream) throw usage('--upstream and --downstream: only one can be');
    const made = await client.call<ToxicAnswer>('POST', ['proxies', proxy, 'toxics'], {
      ...(flags.toxicName ? { name: flags.toxicName } : {}),
      ...{ type: flags.type, stream: flags.upstream ? 'upstream' : 'downstream' },
      ...changeOf(flags),
    });
    if (json) sayJson(context, made);
    else say(context, `Added ${made.stream} ${made.type} toxic '${made.name}' on proxy '${proxy}'`);
  });

  const update = changed(toxic.command('update').alias('u').summary('change a toxic'));
  speak<ToxicFlags>(parent, update, context, async ({ client, json, args }, flags) => {
    const proxy = nameOf(args);
    const path = ['proxies', proxy, 'toxics', toxicNameOf(flags)];
    const made = await client.call<ToxicAnswer>('POST', path, changeOf(flags));
    if (json) sayJson(context, made);
    else say(context, `Updated toxic '${made.name}' on proxy '${proxy}'`);
  });

  const remove = named(toxic.command('remove').aliases(['r', 'delete', 'd']).summary('take a toxic off'));
  speak<ToxicFlags>(parent, remove, context, async ({ client, json, args }, flags) => {
    const [proxy, name] = [nameOf(args), toxicNameOf(flags)];
    await client.call('DELETE', ['proxies', proxy, 'toxics', name]);
    if (json) sayJson(context, { removed: name });
    else say(context, `Removed toxic '${name}' on proxy '${proxy}'`);
  });
}

function toxicNameOf({ toxicName }: ToxicFlags): string {
  if (toxicName) return toxicName;
  throw usage('--toxicName is missing', 'zashiki proxy inspect NAME shows the toxics of a proxy');
}

/** What an `add` and an `update` say about the toxic. */
function changeOf(flags: ToxicFlags): object {
  const ttl = flags.ttl === undefined ? undefined : parseDuration(flags.ttl);
  if (flags.ttl !== undefined && ttl === undefined) throw usage(`--ttl "${flags.ttl}" is not a duration`, 'like 30s');
  const attributes = Object.fromEntries(
    (flags.attribute ?? []).map((text) => {
      const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (key === undefined) throw usage(`--attribute "${text}" is not key=value`, 'for example -a latency=200');
      return [key, value !== '' && Number.isFinite(Number(value)) ? Number(value) : value];
    }),
  );
  const share = flags.toxicity === undefined ? undefined : Number(flags.toxicity);
  if (share !== undefined && !(share >= 0 && share <= 1)) {
    throw usage(`--toxicity "${flags.toxicity}" is not a share`, 'write a number from 0 to 1');
  }
  return { attributes, ...(share === undefined ? {} : { toxicity: share }), ...(ttl === undefined ? {} : { ttl }) };
}
