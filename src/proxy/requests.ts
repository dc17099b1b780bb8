import { fieldsOf, type GoType, kindOf } from './go-fields.ts';
import { decodeGo, GoObject, type GoValue } from './go-json.ts';
import { problems } from './problem.ts';
import type { ProxyInput, ToxicChange } from './proxy.ts';
import type { Direction, ToxicEntry } from './toxic-entry.ts';
import { toxicKinds } from './toxics/index.ts';
import type { ToxicKind } from './toxics/toxic.ts';

/** What a body says about a proxy; absent fields are undefined. */
export interface ProxyFields extends Partial<ProxyInput> {
  readonly name?: string;
}

const proxyTypes = {
  ...{ name: 'string', listen: 'string', upstream: 'string', enabled: 'bool' },
  ...{ ttl: 'int64', sni: 'map[string]string' },
} as const satisfies Record<string, GoType>;
const toxicTypes = { name: 'string', type: 'string', stream: 'string', toxicity: 'float32', ttl: 'int64' } as const;

/** The body of `POST /proxies` and of an update. */
export function readProxy(body: string): ProxyFields {
  return checked(fieldsOf(decodeGo(body), proxyTypes, { where: 'Proxy', whole: 'toxiproxy.Proxy' }));
}

/** The body of `POST /populate`, a list. */
export function readProxies(body: string): readonly (ProxyFields & { name: string; upstream: string })[] {
  const value = decodeGo(body) ?? [];
  const whole = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }';
  if (!Array.isArray(value))
    throw problems.badBody(`json: cannot unmarshal ${kindOf(value)} into Go value of type []${whole}`);
  const list = value as readonly GoValue[];
  // The list's items embed a proxy and have one field of their own.
  const where = (name: string) => (name === 'enabled' ? '' : '.Proxy');
  const proxies = list.map((item) => checked(fieldsOf(item, proxyTypes, { where, whole })));
  return proxies.map((proxy, index) => {
    if (!proxy.name) throw problems.missingField(`name at proxy ${index + 1}`);
    if (!proxy.upstream) throw problems.missingField(`upstream at proxy ${index + 1}`);
    return { ...proxy, name: proxy.name, upstream: proxy.upstream };
  });
}

function checked(fields: Readonly<Record<string, unknown>>): ProxyFields {
  if (Number(fields.ttl ?? 0) < 0) throw problems.badBody('ttl must not be negative');
  return fields as ProxyFields;
}

/** The body of `POST …/toxics`. Refusals come in Toxiproxy's order. */
export function readToxic(body: string): { readonly toxic: ToxicEntry; readonly ttl: number | undefined } {
  const value = decodeGo(body);
  const fields = fieldsOf(value, toxicTypes, { where: 'ToxicWrapper', whole: 'toxics.ToxicWrapper' });
  const attributes = attributesOf(value);
  // The decoder meets them before it knows the type of toxic.
  if (attributes !== undefined && attributes !== null && !(attributes instanceof GoObject)) {
    const field = 'Go struct field ToxicWrapper.attributes of type toxics.NoopToxic';
    throw problems.badBody(`json: cannot unmarshal ${kindOf(attributes)} into ${field}`);
  }
  const stream = String(fields.stream ?? 'downstream');
  const direction = stream.toLowerCase();
  if (direction !== 'upstream' && direction !== 'downstream') throw problems.invalidStream();
  const kind = toxicKinds.get(String(fields.type ?? ''));
  if (!kind) throw problems.invalidType();
  const ttl = checked(fields).ttl;
  const toxic: ToxicEntry = {
    name: String(fields.name || `${kind.type}_${stream}`),
    type: kind.type,
    ...{ kind, stream, direction: direction as Direction },
    toxicity: Number(fields.toxicity ?? 1),
    attributes: merged(kind, attributes),
    until: null,
  };
  return { toxic, ttl };
}

/** The body of an update: what it does not name stays as it is. */
export function readToxicChange(body: string, toxic: ToxicEntry): ToxicChange {
  const value = decodeGo(body);
  const fields = fieldsOf(value, { toxicity: 'float32', ttl: 'int64' }, { where: '', whole: 'struct' });
  return {
    toxicity: Number(fields.toxicity ?? toxic.toxicity),
    attributes: merged(toxic.kind, attributesOf(value), toxic.attributes),
    ttl: checked(fields).ttl,
  };
}

/** The last member `attributes`, whatever it is. */
function attributesOf(value: GoValue): GoValue | undefined {
  if (!(value instanceof GoObject)) return undefined;
  return value.members.findLast(([key]) => key.toLowerCase() === 'attributes')?.[1];
}

function merged(kind: ToxicKind, given: GoValue | undefined, before: Readonly<Record<string, number>> = {}) {
  const names = Object.keys(kind.attributes);
  const types = Object.fromEntries(names.map((name) => [name, kind.attributes[name]?.goType ?? 'int64']));
  const where = `${kind.struct}.attributes`;
  const fields = fieldsOf(given ?? null, types, { where, whole: `toxics.${kind.struct}` });
  return Object.fromEntries(names.map((name) => [name, Number(fields[name] ?? before[name] ?? 0)]));
}
