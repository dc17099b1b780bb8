// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not get through
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;
/** Marks that turn the reading direction around: a name could pose as another one with them. */
const direction = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text from outside without control characters, direction marks and lone surrogates; each becomes `instead`. */
export function cleanText(text: string, instead = '\ufffd'): string {
  return text
    .replace(/\p{Cs}/gu, instead)
    .replace(control, instead)
    .replace(direction, instead);
}

/** Safe as text and as a quoted attribute, in HTML, SVG and XML 1.0. */
export function escapeXml(text: string, instead = '\ufffd'): string {
  return cleanText(text, instead).replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/** At most `limit` characters, cut with an ellipsis; never through the middle of a surrogate pair. */
export function clip(text: string, limit = 300): string {
  if (text.length <= limit) return text;
  const points = [...text.slice(0, limit * 2 + 2)];
  return points.length <= limit ? text : `${points.slice(0, limit - 1).join('')}…`;
}

/** Safe inside a Markdown table cell or heading: no markup, no mention, no line break. */
export function escapeMarkdown(text: string): string {
  return cleanText(text)
    .replace(/\s+/g, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_[\]#|~]/g, '\\$&')
    .replace(/@/g, '&#64;');
}

/** A Markdown code span that no content can leave; `inTable` also keeps it within its cell. */
export function codeSpan(text: string, inTable = true): string {
  const line = cleanText(text)
    .replace(/\s+/g, ' ')
    .replace(/\|/g, inTable ? '\\|' : '|');
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  const pad = line.startsWith('`') || line.endsWith('`') || line === '' ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** JSON on one line, for a person to read: `latency: 200ms, jitter: 20ms`; the empty object is the empty string. */
export function readable(value: unknown, limit = 200): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return clip(value, limit);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return clip(value.map((item) => readable(item, limit)).join(', '), limit);
  const parts = Object.entries(value).map(([key, inner]) => {
    const text = readable(inner, limit);
    return `${key}: ${typeof inner === 'object' && inner !== null ? `{${text}}` : text}`;
  });
  return clip(parts.join(', '), limit);
}
