import { escapeXml } from './escape.ts';

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One SVG element. Attribute values are escaped here; children must already be safe (from `el` or `words`). */
export function el(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const parts = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${typeof value === 'number' ? round(value) : escapeXml(value)}"`],
  );
  const inner = children.join('');
  return inner === '' ? `<${name}${parts.join('')}/>` : `<${name}${parts.join('')}>${inner}</${name}>`;
}

/** A text element; the words are escaped. */
export function words(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return el('text', { x, y, ...attributes }, escapeXml(text));
}

/** A tooltip for the element that holds it. */
export function hint(text: string): string {
  return `<title>${escapeXml(text)}</title>`;
}

/** Two decimals are finer than any screen and keep the file small. */
export function round(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 100) / 100) : '0';
}

/** About how wide a text is at 12 px, in px: wide enough for placing labels without measuring fonts. */
export function textWidth(text: string, size = 12): number {
  let units = 0;
  for (const char of text) units += (char.codePointAt(0) ?? 0) > 0x2e80 ? 1 : 0.56;
  return units * size;
}
