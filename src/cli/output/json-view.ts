import { sealEvent } from '../../report/seal.ts';
import type { Screen, View } from './view.ts';

/** Every event as it stands in the journal, one JSON object a line; of a sealed run, without what is hit. */
export function jsonView(out: Screen, stderr: Screen): View {
  let sealed = false;
  return {
    onEvent(event) {
      if (event.type === 'run-started') sealed = event.sealed;
      out.write(`${JSON.stringify(sealed ? sealEvent(event) : event)}\n`);
    },
    // Standard output holds events and nothing else.
    say: (text) => void stderr.write(text),
    close() {},
  };
}
