import { appendFile } from 'node:fs/promises';
import type { Notifier } from './notifier.ts';

/** One line per notice, `<ISO time> <text>`, to a file (appended, mode 0600) or to `write`. */
export function logNotifier(to: { readonly file: string } | { readonly write: (line: string) => void }): Notifier {
  return {
    id: 'log',
    async send(notice) {
      const line = `${new Date(notice.at).toISOString()} ${notice.text.replace(/[\r\n]+/g, ' ')}\n`;
      if ('file' in to) await appendFile(to.file, line, { mode: 0o600 });
      else to.write(line);
    },
  };
}
