import { formatDuration } from '../../../core/duration.ts';
import type { Milliseconds } from '../../../core/model.ts';
import { parseCron } from '../../../core/schedule/cron.ts';
import type { Path } from '../../../spec/problem.ts';
import { readDuration } from '../fields.ts';
import type { Kind } from '../kind.ts';
import { collect, isGiven, listOf, mapOf, type Raw, type Say } from '../say.ts';
import { checkCron } from './schedule.ts';

/** More due times than this are not looked at: a calendar that has so many repeats itself sooner. */
const mostLookedAt = 400;
const year = 366 * 86_400_000;

/**
 * The least distance between two due times within a year; undefined when there are not two. Looks no further once it
 * has found one of `enough` or less.
 */
export function leastGap(cron: string, from: number, enough: Milliseconds = 0): Milliseconds | undefined {
  const calendar = parseCron(cron, 'UTC');
  if (calendar.every !== null) return calendar.every;
  let least: Milliseconds | undefined;
  let last = calendar.next(from);
  for (let seen = 0; last !== null && seen < mostLookedAt && (least ?? Number.POSITIVE_INFINITY) > enough; seen++) {
    const next = calendar.next(last);
    if (next === null || next > from + year) break;
    least = Math.min(least ?? Number.POSITIVE_INFINITY, next - last);
    last = next;
  }
  return least;
}

/** The rules of v1.x about `scheduler` and `duration`, and names that were given twice. */
export function checkLegacy(kind: Kind, spec: Raw, path: Path, say: Say): void {
  if (isGiven(spec.containerName) && listOf(spec.containerNames).length > 0) {
    say([...path, 'containerName'], 'containerNames is given too: keep containerNames alone', { on: 'key' });
  }
  const scheduler = mapOf(spec.scheduler);
  const cron = scheduler?.cron;
  if (typeof cron !== 'string') return;
  const at = [...path, 'scheduler', 'cron'];
  const { findings, say: note } = collect();
  checkCron(cron, at, note);
  for (const found of findings) say(found.path, found.message);
  if (findings.length > 0 || kind.oneShot?.(spec)) return;
  if (!isGiven(spec.duration)) {
    say(
      [...path, 'duration'],
      `missing: with scheduler each round must have an end: write one, such as duration: 30s; or remove scheduler to inject once`,
    );
    return;
  }
  const read = typeof spec.duration === 'string' ? readDuration(spec.duration) : undefined;
  if (!read || !('ms' in read)) return;
  const gap = leastGap(cron, Date.UTC(2024, 0, 1), read.ms);
  if (gap === undefined || read.ms < gap) return;
  say(
    [...path, 'duration'],
    `each round lasts ${spec.duration}, and "${cron}" begins the next one after ${formatDuration(gap)}: write less, or a rarer schedule`,
  );
}
