import type { JournalEvent } from '../../core/events.ts';
import { eventLine, type Weight } from '../../report/event-lines.ts';
import { sealEvent } from '../../report/seal.ts';
import { painter, type Tone } from './style.ts';
import { plain } from './table.ts';
import { renderVerdict } from './verdict-view.ts';
import type { Screen, View } from './view.ts';

const tones: Readonly<Record<Weight, Tone>> = { quiet: 'soft', normal: 'plain', good: 'good', bad: 'bad' };

/** One line per event that means something, with the time since the start; readings only when they turn. */
export function plainView(out: Screen, { color, stderr }: { readonly color: boolean; readonly stderr: Screen }): View {
  const paint = painter(color);
  const events: JournalEvent[] = [];
  const targets = new Map<string, string>();
  const last = new Map<string, boolean>();
  let names: readonly string[] = [];
  let sealed = false;
  let start: number | null = null;
  let told = false;

  const line = (event: JournalEvent) => {
    const { label, text, weight } = eventLine(event, names, targets);
    const time = `${((event.mono - (start ?? event.mono)) / 1000).toFixed(2)}s`.padStart(9);
    out.write(`${paint('soft', time)}  ${paint(tones[weight], plain(label).padEnd(13))}  ${plain(text)}\n`);
  };
  const finish = () => {
    if (told || events.length === 0) return;
    told = true;
    out.write(`\n${renderVerdict(events, { color, width: out.columns ?? 100 })}\n`);
  };

  return {
    onEvent(event) {
      events.push(event);
      start ??= event.mono;
      if (event.type === 'run-started') {
        sealed = event.sealed;
        names = event.plan.experiment.spec.steadyStateHypothesis.map(({ name }) => name);
      }
      const shown = sealed ? sealEvent(event) : event;
      if (shown.type === 'intent')
        targets.set(
          shown.injection,
          `${shown.fault} → ${shown.target.name} (${shown.target.id})${shown.note ? ` [${shown.note}]` : ''}`,
        );
      if (shown.type === 'probe') {
        const key = `${shown.of} ${shown.index}`;
        if (last.get(key) === shown.ok) return;
        last.set(key, shown.ok);
      }
      if (isQuiet(shown)) return;
      line(shown);
    },
    say: (text) => void stderr.write(text),
    close: finish,
  };
}

const isQuiet = (event: JournalEvent) =>
  event.type === 'intent' ||
  event.type === 'reaper-started' ||
  event.type === 'step-finished' ||
  event.type === 'run-finished';
