import type { Json, JsonObject } from '../core/model.ts';
import { usage } from './context.ts';

/** `name=nginx pid=4 machine=true env.ROLE=web` → a selector as a document would write it. A repeated key is a list. */
export function selectorOf(pairs: readonly string[]): JsonObject {
  const selector: Record<string, Json> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw usage(`"${pair}" is not KEY=VALUE`, 'write for example name=nginx, port=8080 or env.ROLE=web');
    const [key, value] = [pair.slice(0, at), scalar(pair.slice(at + 1))];
    const [outer = '', inner] = key.split(/\.(.*)/s);
    if (inner !== undefined)
      selector[outer] = { ...(selector[outer] as JsonObject | undefined), [inner]: String(value) };
    else selector[outer] = outer in selector ? [selector[outer] as Json, value].flat() : value;
  }
  return selector;
}

function scalar(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  // A zero in front is part of an id, not of a number.
  return /^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text;
}
