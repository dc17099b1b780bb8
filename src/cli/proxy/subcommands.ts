import type { Command } from 'commander';
import type { ProxyAnswer, ToxicAnswer } from '../../proxy/client.ts';
import { type CliContext, say, sayJson, usage } from '../context.ts';
import { nameOf, speak } from './client.ts';

/** `list`, `inspect`, `create`, `toggle`, `delete`: names and output as of toxiproxy-cli v2.12 when piped. */
export function addProxyCommands(parent: Command, context: CliContext): void {
  const list = parent.command('list').aliases(['l', 'li', 'ls']).summary('all proxies');
  speak(parent, list, context, async ({ client, json }) => {
    const proxies = [...(await client.proxies())].sort((a, b) => (a.name < b.name ? -1 : 1));
    if (json) return sayJson(context, proxies);
    for (const proxy of proxies) say(context, lineOf(proxy));
  });

  const inspect = parent.command('inspect').aliases(['i', 'ins']).summary('the toxics of a proxy').argument('<name>');
  speak(parent, inspect, context, async ({ client, json, args }) => {
    const proxy = await client.proxy(nameOf(args));
    if (json) return sayJson(context, proxy);
    for (const toxic of proxy.toxics) say(context, toxicLine(toxic));
  });

  const create = parent
    .command('create')
    .aliases(['c', 'new'])
    .summary('a new proxy')
    .argument('<name>')
    .option('-l, --listen <address>', 'where it listens: host:port, udp://host:port or unix:/path')
    .option('-u, --upstream <address>', 'where it leads to');
  speak<{ listen?: string; upstream?: string }>(parent, create, context, async ({ client, json, args }, options) => {
    const { listen, upstream } = options;
    if (!listen || !upstream)
      throw usage(`${listen ? '--upstream' : '--listen'} is missing`, 'zashiki proxy create --help');
    const name = nameOf(args);
    const proxy = await client.call<ProxyAnswer>('POST', ['proxies'], { name, listen, upstream, enabled: true });
    if (json) sayJson(context, proxy);
    else say(context, `Created new proxy ${proxy.name}`);
  });

  const toggle = parent
    .command('toggle')
    .alias('tog')
    .summary('disable a proxy, or enable it again')
    .argument('<name>');
  speak(parent, toggle, context, async ({ client, json, args }) => {
    const name = nameOf(args);
    const { enabled } = await client.proxy(name);
    const proxy = await client.call<ProxyAnswer>('POST', ['proxies', name], { enabled: !enabled });
    if (json) sayJson(context, proxy);
    else say(context, `Proxy ${name} is now ${proxy.enabled ? 'enabled' : 'disabled'}`);
  });

  const remove = parent.command('delete').alias('d').summary('delete a proxy').argument('<name>');
  speak(parent, remove, context, async ({ client, json, args }) => {
    const name = nameOf(args);
    await client.call('DELETE', ['proxies', name]);
    if (json) sayJson(context, { deleted: name });
    else say(context, `Deleted proxy ${name}`);
  });
}

const lineOf = ({ name, listen, upstream, enabled, toxics }: ProxyAnswer) =>
  [name, listen, upstream, enabled ? 'enabled' : 'disabled', toxics.length].join('\t');

function toxicLine({ name, type, stream, toxicity, attributes, ttl }: ToxicAnswer): string {
  const given = Object.keys(attributes)
    .sort()
    .map((key) => `\t${key}=${attributes[key]}`);
  const left = ttl === undefined ? '' : `\tttl=${ttl}`;
  return `${name}\ttype=${type}\tstream=${stream}\ttoxicity=${toxicity.toFixed(2)}\tattributes=[${given.join('')}\t]${left}`;
}
