import { ZashikiError } from '../core/errors.ts';
import type { JournalEvent } from '../core/events.ts';
import { htmlReport } from './html.ts';
import { runReport } from './json.ts';
import { junitReports } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { pictureSvg } from './picture.ts';
import { htmlSummary } from './summary.ts';

export { htmlReport } from './html.ts';
export { jsonReport, type RunReport, runReport } from './json.ts';
export { junitReport, junitReports } from './junit.ts';
export { markdownReport } from './markdown.ts';
export { pictureSvg } from './picture.ts';
export { isSealed, sealEvent, sealEvents } from './seal.ts';
export { htmlSummary } from './summary.ts';

type Events = readonly JournalEvent[];

/** Every format, given at least one run. */
const renderers = {
  html: (runs, only) => (only ? htmlReport(only) : htmlSummary(runs)),
  markdown: (runs) => runs.map(markdownReport).join('\n'),
  junit: (runs) => junitReports(runs),
  json: (runs, only) => `${JSON.stringify(only ? runReport(only) : runs.map(runReport), null, 2)}\n`,
  svg: (runs, only) => pictureSvg(only ?? runs.at(-1) ?? []),
} as const satisfies Record<string, (runs: readonly Events[], only: Events | null) => string>;

export type ReportFormat = keyof typeof renderers;

/** All formats, in the order to show them. */
export const reportFormats = Object.keys(renderers) as readonly ReportFormat[];

/**
 * One run, or several repetitions, in a format: html (several: a summary page), markdown, junit, json (several: a
 * list), svg (several: the last one's picture). Throws `usage` for a format that does not exist.
 */
export function renderReport(format: string, given: Events | readonly Events[]): string {
  if (!Object.hasOwn(renderers, format)) {
    throw new ZashikiError('usage', `there is no report format "${format}"`, {
      hint: `formats: ${reportFormats.join(', ')}`,
    });
  }
  const runs = isList(given) ? given : [given];
  return renderers[format as ReportFormat](runs, runs.length === 1 ? (runs[0] ?? []) : null);
}

function isList(given: Events | readonly Events[]): given is readonly Events[] {
  return Array.isArray(given[0]);
}
