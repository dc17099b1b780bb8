import { extname } from 'node:path';
import type { JournalEvent } from '../core/events.ts';
import { type ReportFormat, renderReport } from '../report/index.ts';
import { usage } from './context.ts';
import { prepareOut, writeOut } from './write-out.ts';

const formats: Readonly<Record<string, ReportFormat>> = {
  '.html': 'html',
  '.md': 'markdown',
  '.xml': 'junit',
  '.json': 'json',
  '.svg': 'svg',
};

/** The report format that a file's ending asks for. Throws `usage`. */
export function formatOf(file: string): ReportFormat {
  const found = formats[extname(file)];
  if (found) return found;
  throw usage(`cannot tell the report's form from "${file}"`, `end it with one of ${Object.keys(formats).join(' ')}`);
}

/** Write it, with the folders on the way. */
export function writeReport(file: string, format: ReportFormat, runs: readonly (readonly JournalEvent[])[]): void {
  prepareOut(file);
  writeOut(file, renderReport(format, runs));
}
