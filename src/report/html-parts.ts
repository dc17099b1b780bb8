import { formatDuration } from '../core/duration.ts';
import { eventsOf } from '../core/timeline.ts';
import { clip, readable } from './escape.ts';
import { goneText, type InjectionStory, standing } from './injections.ts';
import { html, type Markup, table } from './page.ts';
import { count, isLost, offset, openInjections, recoveryText, timeOr } from './phrases.ts';
import { formatShare, type HypothesisStory, type Story } from './story.ts';

/** Most rows of a table; the rest is counted. */
const mostRows = 500;

/** The key numbers: recovery, detection, share of good readings under fault, and clean-up. */
export function tiles(story: Story): Markup {
  const { measurement, injections, hypotheses } = story;
  const done = injections.filter(({ injectedAt }) => injectedAt !== null);
  if (done.length === 0) return html``;
  const slowest = measurement.probes.find(({ recovery }) => recovery === measurement.recovery)?.name;
  const stuck = hypotheses.find(isLost)?.name;
  const detects = measurement.probes.flatMap(({ detect, name }) => (detect === null ? [] : [{ detect, name }]));
  const first = detects.sort((a, b) => a.detect - b.detect)[0];
  const worst = hypotheses
    .flatMap(({ times, hypothesis, name }) =>
      times && times.during.all > 0
        ? [{ share: times.during.ok / times.during.all, needed: hypothesis?.during?.atLeast, name }]
        : [],
    )
    .sort((a, b) => Number(b.needed !== undefined) - Number(a.needed !== undefined) || a.share - b.share)[0];
  const open = openInjections(story);
  const lasting = done.filter(({ reversible }) => reversible);
  const undone = lasting.filter(({ state }) => state === 'verified' || state === 'recovered');
  const checked = undone.every(({ state }) => state === 'verified');
  const known = story.ending !== 'unfinished';
  const list: readonly (readonly [string, string, string])[] = [
    !known
      ? ['Recovery time', 'not known', 'the readings end too early']
      : measurement.recovery !== null
        ? [
            'Recovery time',
            measurement.recovery > 0 ? formatDuration(measurement.recovery) : first ? 'at once' : 'none needed',
            measurement.recovery > 0
              ? `slowest: ${slowest ?? ''}`
              : first
                ? 'steady when the fault ended'
                : 'no reading was bad',
          ]
        : [
            'Recovery time',
            hypotheses.length === 0 ? 'not judged' : 'none',
            stuck ? `${stuck}: not steady to the end` : 'not measured',
          ],
    first
      ? ['First noticed after', formatDuration(first.detect), first.name]
      : ['First noticed after', 'never', 'no reading was bad'],
    worst
      ? [
          'Good while the fault was on',
          formatShare(worst.share),
          `${worst.name}${worst.needed === undefined ? '' : `, ${formatShare(worst.needed)} needed`}`,
        ]
      : ['Good while the fault was on', 'not read', 'no reading fell into it'],
    open.length > 0
      ? ['Clean-up', `${open.length} open`, 'may still be in place']
      : [
          'Clean-up',
          lasting.length === 0 ? 'nothing to undo' : `${undone.length} of ${lasting.length}`,
          lasting.length === 0
            ? `${count(done.length, 'one-shot fault')}`
            : (goneText(lasting) ?? (checked ? 'undone and verified' : 'undone')),
        ],
  ];
  return html`<dl class="tiles">${list.map(
    ([name, value, more]) =>
      html`<div class="tile"><dt>${name}</dt><dd class="n">${value}</dd><dd class="m">${clip(more, 90)}</dd></div>`,
  )}</dl>\n`;
}

/** Every hypothesis with what was measured and what is allowed; null when there is none. */
export function hypothesisTable(story: Story): Markup | null {
  if (story.hypotheses.length === 0) return html`<p>None was given, so nothing was judged: the run is unverified.</p>`;
  const head = ['Hypothesis', 'Result', 'Good under fault', 'First bad', 'Healthy again', 'Steady', 'Recovery'];
  return table(
    head,
    story.hypotheses.slice(0, mostRows).map((hypothesis) => hypothesisRow(hypothesis, story.ending === 'unfinished')),
  );
}

function hypothesisRow(story: HypothesisStory, unknown: boolean): readonly Markup[] {
  const { times, hypothesis, samples } = story;
  const good = samples.filter(({ ok }) => ok).length;
  const result =
    story.judged === 'good'
      ? html`<span class="ok">✔ held</span>`
      : story.judged === 'bad'
        ? html`<span class="ko">✘ deviated</span>`
        : html`not judged`;
  const during = times && times.during.all > 0 ? formatShare(times.during.ok / times.during.all) : 'no readings';
  const needed = hypothesis?.during ? `${formatShare(hypothesis.during.atLeast)} needed` : 'not judged';
  const probe = hypothesis ? `${hypothesis.probe.id} ${readable(hypothesis.probe.params, 120)}` : '';
  const recovery = times && !unknown ? recoveryText(story) : '–';
  return [
    html`<strong>${clip(story.name, 160)}</strong><small>${probe}, every ${formatDuration(hypothesis?.every ?? 0)}</small>`,
    html`${result}<small>${samples.length === 0 ? 'never read' : `${good} of ${count(samples.length, 'reading')} good`}</small>${story.notes.slice(0, 3).map((note) => html`<small>${clip(note, 200)}</small>`)}`,
    html`<span class="num">${during}</span><small>${times && times.during.all > 0 ? `${times.during.ok} of ${times.during.all}, ` : ''}${needed}</small>`,
    html`<span class="num">${times ? timeOr(times.detect, 'never') : '–'}</span>`,
    html`<span class="num">${times ? timeOr(times.firstHealthy, '–') : '–'}</span>`,
    html`<span class="num">${times && !unknown && times.detect !== null ? timeOr(times.stable, 'never') : '–'}</span>`,
    html`<span class="num">${recovery}</span><small>${hypothesis ? `${formatDuration(hypothesis.recoversWithin)} allowed` : ''}</small>`,
  ];
}

/** What was done to what, or what a dry run would do; null when there is nothing of either. */
export function injectionTable(story: Story): Markup | null {
  const would = eventsOf(story.timed, 'would-inject');
  if (story.injections.length === 0 && would.length === 0) {
    return story.ending === 'refused' || story.ending === 'skipped' ? html`<p>Nothing was done to anything.</p>` : null;
  }
  if (story.injections.length === 0) {
    const rows = would
      .slice(0, mostRows)
      .map(({ event }) => [html`${event.fault}`, targetCell(event.target), html`${event.step}`]);
    return table(['Fault', 'Target', 'Step'], rows);
  }
  const head = ['Fault', 'Target', 'Injected', 'Effect seen', 'Recovered', 'Clean-up'];
  const more = story.injections.length - mostRows;
  const note = more > 0 ? html`<p>${more} more are in the journal.</p>` : '';
  return html`${table(head, story.injections.slice(0, mostRows).map(injectionRow))}${note}`;
}

function targetCell(target: { readonly name: string; readonly id: string; readonly platform: string }): Markup {
  return html`<strong>${clip(target.name, 120)}</strong><small>${clip(`${target.platform} ${target.id}`, 160)}</small>`;
}

function injectionRow(injection: InjectionStory): readonly Markup[] {
  const { injectedAt, failed, observed, recovered, recoverError, verified, state } = injection;
  const bad = state === 'outstanding' || state === 'failed' || state === 'on';
  const who = recovered
    ? `${recovered.how === 'gone' ? 'target gone, noted' : 'undone'} by ${recovered.by.role} (${recovered.by.user})`
    : '';
  return [
    html`<strong>${clip(injection.fault, 80)}</strong><small>${[readable(injection.params, 160), injection.note ?? ''].filter(Boolean).join(' · ')}</small>`,
    targetCell(injection.target),
    html`<span class="num">${injectedAt === null ? 'not injected' : offset(injectedAt)}</span>${failed ? html`<small class="ko">${clip(failed, 240)}</small>` : ''}`,
    observed
      ? html`${observed.real || observed.early ? '' : html`<span class="ko">no effect: </span>`}${clip(observed.detail, 240)}`
      : html`–`,
    recovered
      ? html`<span class="num">${offset(recovered.t)}</span><small>${clip(who, 160)}</small>`
      : recoverError
        ? html`<span class="ko">failed</span><small>${clip(recoverError, 240)}</small>`
        : html`${injection.reversible ? 'not yet' : 'nothing to undo'}`,
    html`<span class="${bad ? 'ko' : 'ok'}">${bad ? '✘' : '✔'} ${standing(injection)}</span>${verified ? html`<small>${clip(verified.detail, 160)}</small>` : ''}`,
  ];
}

/** Refusals, skipped steps, warnings, aborts and the user's rollbacks; null when all went smoothly. */
export function troubles(story: Story): Markup | null {
  const names = story.plan?.experiment.spec.rollbacks.map(({ name }) => name) ?? [];
  const items = story.timed.flatMap(({ t, event }): Markup[] => {
    const item = (label: string, text: string, bad: boolean) => [
      html`<li><span class="${bad ? 'ko' : 'ok'}">${label}</span> ${clip(text, 400)}<small>${offset(t)}</small></li>`,
    ];
    if (event.type === 'guard-refused') return item(`Refused by ${event.guard}:`, event.reason, true);
    if (event.type === 'step-skipped') return item(`Step ${event.step} skipped:`, event.reason, true);
    if (event.type === 'warning') return item('Warning:', event.message, true);
    if (event.type === 'aborted')
      return item('Aborted:', `${event.reason} (by ${event.author.role}, ${event.author.user})`, true);
    if (event.type === 'rollback') {
      const name = names[event.index] ?? `rollback ${event.index + 1}`;
      return item(event.ok ? '✔ Rollback done:' : '✘ Rollback failed:', `${name}: ${event.detail}`, !event.ok);
    }
    return [];
  });
  if (items.length === 0) return null;
  const more = items.length > mostRows ? html`<li>${items.length - mostRows} more are in the journal.</li>` : '';
  return html`<ul class="plain">${items.slice(0, mostRows)}${more}</ul>`;
}
