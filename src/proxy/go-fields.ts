import { GoNumber, GoObject, type GoValue } from './go-json.ts';
import { problems } from './problem.ts';

/** Types of Go that fields of the API have. `int` and `int64` are whole numbers. */
export type GoType = 'string' | 'bool' | 'float32' | 'int64' | 'int' | 'object' | 'map[string]string';

/**
 * The members of an object that a Go struct would take: by name, capitals or not, the last one wins, `null` leaves a
 * field alone, others are ignored. Throws the first type error in Go's words. `where` is e.g. `Proxy` in
 * `Go struct field Proxy.name`; `whole` names the type of the value itself.
 */
export function fieldsOf(
  value: GoValue,
  types: Readonly<Record<string, GoType>>,
  { where, whole }: { readonly where: string | ((name: string) => string); readonly whole: string },
): Readonly<Record<string, unknown>> {
  if (value === null) return {};
  if (!(value instanceof GoObject)) {
    throw problems.badBody(`json: cannot unmarshal ${kindOf(value)} into Go value of type ${whole}`);
  }
  const fields: Record<string, unknown> = {};
  const names = new Map(Object.keys(types).map((name) => [name.toLowerCase(), name]));
  for (const [key, member] of value.members) {
    const name = names.get(key.toLowerCase());
    if (name === undefined || member === null) continue;
    fields[name] = convert(
      member,
      types[name] ?? 'object',
      `${typeof where === 'string' ? where : where(name)}.${name}`,
    );
  }
  return fields;
}

function convert(value: GoValue, type: GoType, field: string): unknown {
  const wrong = (what = kindOf(value)): never => {
    throw problems.badBody(`json: cannot unmarshal ${what} into Go struct field ${field} of type ${type}`);
  };
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : wrong();
    case 'bool':
      return typeof value === 'boolean' ? value : wrong();
    case 'float32': {
      if (!(value instanceof GoNumber)) return wrong();
      const single = Math.fround(Number(value.raw));
      return Number.isFinite(single) ? single : wrong(`number ${value.raw}`);
    }
    case 'int':
    case 'int64': {
      if (!(value instanceof GoNumber)) return wrong();
      const number = Number(value.raw);
      const fits = /^-?\d+$/.test(value.raw) && Number.isSafeInteger(number);
      return fits ? number : wrong(`number ${value.raw}`);
    }
    case 'map[string]string': {
      if (!(value instanceof GoObject)) return wrong();
      return Object.fromEntries(
        value.members.map(([key, to]) => [key, typeof to === 'string' ? to : convert(to, 'string', field)]),
      );
    }
    case 'object':
      return value;
  }
}

/** How Go calls a JSON value in messages. */
export function kindOf(value: GoValue): string {
  if (value instanceof GoNumber) return 'number';
  if (value instanceof GoObject) return 'object';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The shortest decimal that is this number as a 32-bit float, as Go prints one: 0.1 and not 0.10000000149011612. */
export function shortFloat(value: number): number {
  const single = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return single;
}
