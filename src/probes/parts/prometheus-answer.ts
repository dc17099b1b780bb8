import type { Json } from '../../core/model.ts';
import { quote } from './bounds.ts';
import type { HttpAnswer } from './http-request.ts';

/** One number as Prometheus writes it (`1.5`, `NaN`, `+Inf`), with the labels of its series (none for a scalar). */
export type Sample = { readonly labels: { readonly [name: string]: string }; readonly value: string };

/** The samples of an answer to /api/v1/query (Prometheus 2 and 3), or one sentence why there are none. */
export function parseAnswer({ status, body, cut }: HttpAnswer): readonly Sample[] | string {
  if (cut) return 'the answer of Prometheus is too long: aggregate in the query';
  const answer = asObject(tryParse(body));
  if (answer?.status === 'error')
    return `Prometheus refused the query: ${String(answer.errorType)}: ${String(answer.error)}`;
  const data = asObject(answer?.data);
  if (status !== 200 || !data) return `not an answer of Prometheus: status ${status}, ${quote(body)}`;
  if (data.resultType === 'scalar') return [{ labels: {}, value: pointValue(data.result) }];
  if (data.resultType === 'vector' && Array.isArray(data.result)) {
    return data.result.map((each) => {
      const entry = asObject(each);
      return { labels: (asObject(entry?.metric) ?? {}) as Sample['labels'], value: pointValue(entry?.value) };
    });
  }
  return `the query gives a ${String(data.resultType)}; write one that gives a scalar or an instant vector`;
}

/** One number made of all samples; NaN if one of them is. */
export function reduceSamples(samples: readonly Sample[], how: 'sum' | 'max' | 'min' | 'avg'): number {
  const numbers = samples.map((sample) => toNumber(sample.value));
  if (how === 'max') return numbers.reduce((a, b) => Math.max(a, b));
  if (how === 'min') return numbers.reduce((a, b) => Math.min(a, b));
  const sum = numbers.reduce((a, b) => a + b, 0);
  return how === 'sum' ? sum : sum / numbers.length;
}

/** `up{job="shop"}: ` for an error line; empty for a scalar. */
export function series({ labels }: Sample): string {
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}="${value}"`);
  const text = `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''}`;
  return text === '' ? '' : `${text}: `;
}

/** A number as Prometheus writes it. */
export function toNumber(text: string): number {
  const infinite = /^([+-]?)Inf$/.exec(text);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return text === '' ? Number.NaN : Number(text);
}

const pointValue = (point: unknown): string => (Array.isArray(point) ? String(point[1] ?? '') : '');

const asObject = (value: unknown): { readonly [key: string]: Json } | undefined =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as { [key: string]: Json }) : undefined;

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
