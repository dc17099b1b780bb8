import { escapeXml } from './escape.ts';
import type { OutcomeWords } from './outcome.ts';
import { pageStyle } from './page-style.ts';

/** HTML that is safe to put into the page: only made by `html`, `text` and what is drawn in this folder. */
export type Markup = { readonly markup: string };

/** Mark a string as safe; for output of `el` and constants only. */
export const raw = (markup: string): Markup => ({ markup });

/** HTML with values from outside: strings and numbers are escaped, markup and lists of it go in as they are. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[] | null | undefined | false)[]
): Markup {
  const shown = values.map((value) => {
    if (value === null || value === undefined || value === false) return '';
    if (typeof value === 'string' || typeof value === 'number') return escapeXml(String(value));
    return 'markup' in value ? value.markup : value.map((item) => item.markup).join('');
  });
  return raw(parts.reduce((text, part, index) => text + (shown[index - 1] ?? '') + part));
}

/** A table that turns into cards on a phone. */
export function table(head: readonly string[], rows: readonly (readonly Markup[])[]): Markup {
  const body = rows.map(
    (row) => html`<tr>${row.map((cell, index) => html`<td data-label="${head[index]}">${cell}</td>`)}</tr>\n`,
  );
  return html`<div class="scroll"><table class="cards"><thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A titled block of the page; nothing at all when there is nothing to show. */
export function section(title: string, body: Markup | null): Markup {
  if (body === null) return raw('');
  const id = title.toLowerCase().replace(/[^a-z]+/g, '-');
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>\n`;
}

const paths: Readonly<Record<OutcomeWords['tone'], string>> = {
  good: '<path d="M15 27l8 8 15-17"/>',
  bad: '<path d="M17 17l18 18M35 17L17 35"/>',
  alarm: '<path d="M26 14v15M26 36.5v.5"/>',
  quiet: '<path d="M16 26h20"/>',
};

/** The verdict's sign: a tick, a cross, an exclamation mark or a dash, in a ring. */
export function icon(tone: OutcomeWords['tone']): Markup {
  const ring = tone === 'alarm' ? '<path d="M26 4L49 45H3z"/>' : '<circle cx="26" cy="26" r="22"/>';
  const mark = tone === 'alarm' ? '<path d="M26 18v13M26 37.5v.5"/>' : paths[tone];
  return raw(
    `<svg viewBox="0 0 52 52" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round" stroke-linejoin="round">${ring}${mark}</svg>`,
  );
}

/** The frame: one file, no script, and a policy that forbids any request. */
export function page(title: string, body: readonly Markup[]): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${raw(pageStyle)}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.markup;
}
