import { formatDuration } from '../core/duration.ts';
import type { JournalEvent } from '../core/events.ts';
import { drawAxis, drawLegend } from './axis.ts';
import { clip } from './escape.ts';
import { drawLane, drawShades } from './lane.ts';
import { outcomeWords } from './outcome.ts';
import { drawPanel, type Part } from './panel.ts';
import { verdictSentence } from './phrases.ts';
import { pictureStyle } from './picture-style.ts';
import { timeScale } from './scale.ts';
import { type Story, tellStory } from './story.ts';
import { el, hint, textWidth, words } from './svg.ts';

export interface PictureOptions {
  /** Of the drawing in px; below 600 the layout is for a phone. Default 960. */
  readonly width?: number;
  /** Title, background and own style inside, for use as a file. Default false. */
  readonly standalone?: boolean;
}

/** The picture of a run as one SVG file: faults, readings, limits and recovery on one time axis; light and dark. */
export function pictureSvg(events: readonly JournalEvent[], options: { readonly width?: number } = {}): string {
  return drawPicture(tellStory(events), { ...options, standalone: true });
}

/** The picture of a story, to be put into a page (with `pictureStyle`) or, stand-alone, into a file. */
export function drawPicture(story: Story, { width = 960, standalone = false }: PictureOptions = {}): string {
  const narrow = width < 600;
  const inset = standalone ? 20 : 0;
  const left = inset + (narrow ? 56 : 64);
  const scale = timeScale(axisEnd(story), left, width - left - inset - (narrow ? 8 : 14));
  const head = standalone ? drawHead(story, inset) : { svg: '', height: 0 };
  const lane = drawLane(story, head.height + inset, scale);
  let y = head.height + inset + lane.height;
  const shadeTop = y;
  const panels: string[] = [];
  for (const hypothesis of story.hypotheses) {
    const part = drawPanel(hypothesis, y + 20, scale, narrow);
    panels.push(part.svg);
    y += 20 + part.height;
  }
  const shades = drawShades(story, head.height + inset + 18, y + 4, scale);
  const axis = drawAxis(story, y + 6, scale, narrow);
  y += 6 + axis.height;
  const legend = drawLegend(story, y + 10, scale, narrow);
  const height = y + 10 + legend.height + inset + 6;
  const { word } = outcomeWords[story.ending];
  const title = `${story.name}: ${word}. ${verdictSentence(story)}`;
  return el(
    'svg',
    {
      class: 'zp',
      viewBox: `0 0 ${width} ${Math.ceil(height)}`,
      role: 'img',
      'aria-label': describe(story),
      ...(standalone ? { xmlns: 'http://www.w3.org/2000/svg', width, height: Math.ceil(height) } : {}),
    },
    standalone ? `${hint(title)}<style>${pictureStyle}</style>` : '',
    standalone ? el('rect', { class: 'paper', width, height: Math.ceil(height), rx: 10 }) : '',
    head.svg,
    shadeTop < y ? shades : '',
    lane.svg,
    ...panels,
    axis.svg,
    legend.svg,
  );
}

/** The picture in words, for those who cannot see it. */
function describe(story: Story): string {
  const faults = story.injections.map(
    ({ fault, target, injectedAt, recovered }) =>
      `${fault} on ${target.name} from ${formatDuration(injectedAt ?? 0)}${recovered ? ` to ${formatDuration(recovered.t)}` : ''}`,
  );
  const shown = faults.slice(0, 6).join('; ') + (faults.length > 6 ? `; and ${faults.length - 6} more` : '');
  const hypotheses = story.hypotheses.map(({ name, times, samples }) => {
    const bad = samples.filter((sample) => !sample.ok).length;
    const recovery =
      times?.recovery === undefined || times.recovery === null ? '' : `, recovery ${formatDuration(times.recovery)}`;
    return `${name}: ${bad} of ${samples.length} readings bad${recovery}`;
  });
  return `Readings over ${formatDuration(story.elapsed)}. Faults: ${shown || 'none'}. ${hypotheses.join('. ')}.`;
}

/** A clean-up hours later must not squeeze the run into a corner: then the axis ends with the run itself. */
function axisEnd(story: Story): number {
  const late = story.timed.find(
    ({ event }) => 'author' in event && event.author.role !== 'run' && event.type !== 'run-started',
  );
  const own = story.timed.filter(({ t }) => late === undefined || t < late.t).at(-1)?.t ?? story.elapsed;
  return (story.elapsed > own * 4 && own > 0 ? own : story.elapsed) * 1.01;
}

function drawHead(story: Story, inset: number): Part {
  const { word, mark, tone } = outcomeWords[story.ending];
  const name = clip(story.name, 60);
  const color = tone === 'good' ? 't-good' : tone === 'quiet' ? 'soft' : 't-bad';
  const svg =
    words(inset, inset + 18, `${mark} ${word}`, { class: `head ${color}` }) +
    words(inset + textWidth(`${mark} ${word}`, 20) + 14, inset + 18, name, { class: 'head' }) +
    words(inset, inset + 40, verdictSentence(story), { class: 'soft' });
  return { svg, height: 62 };
}
