/** A stretch of one piece: where it begins and ends in the buffer. */
export type Stretch = { readonly from: number; readonly to: number };

/** Whether the range goes on before and after the piece: then a stretch at its edge is not short. */
export type Inner = { readonly before: boolean; readonly after: boolean };

/** Whose the bytes of one piece are. `unclear` and `foreign` are counts of bytes. */
export interface Mixed {
  /** Our damage, to be written over. */
  readonly ours: readonly Stretch[];
  readonly foreign: number;
  /** Equal to our damage, but maybe by chance: a short stretch that touches what somebody else has written. */
  readonly unclear: number;
}

/**
 * Tell our damage from what somebody else has written since, byte by byte. A stretch that touches foreign bytes counts
 * as ours from `least` bytes on: a shorter one may have come about by chance.
 */
export function tellApart(now: Buffer, was: Buffer, bad: Buffer, least: number, inner: Inner): Mixed {
  const length = Math.min(now.length, was.length);
  if (now.equals(was)) return { ours: [], foreign: 0, unclear: 0 };
  if (now.equals(bad)) return { ours: [{ from: 0, to: length }], foreign: 0, unclear: 0 };
  const isForeign = (i: number) => i >= 0 && i < length && now[i] !== was[i] && now[i] !== bad[i];
  const ours: Stretch[] = [];
  let [foreign, unclear] = [0, 0];
  for (let i = 0; i < length; ) {
    if (now[i] !== bad[i]) {
      if (now[i] !== was[i]) foreign++;
      i++;
      continue;
    }
    const from = i;
    let differ = 0;
    for (; i < length && now[i] === bad[i]; i++) if (now[i] !== was[i]) differ++;
    if (differ === 0) continue;
    const goesOn = (from === 0 && inner.before) || (i === length && inner.after);
    if ((isForeign(from - 1) || isForeign(i)) && i - from < least && !goesOn) unclear += differ;
    else ours.push({ from, to: i });
  }
  return { ours, foreign, unclear };
}
