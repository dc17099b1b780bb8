import type { Resource } from './resource.ts';

/** Is nothing more to be expected of it? Something that lasts until it is deleted never is. */
export function isFinished({ kind, status, metadata }: Resource): boolean {
  if (metadata.deletionTimestamp) return false;
  const own = status?.zashiki;
  const is = (type: string) =>
    status?.conditions?.some((each) => each.type === type && each.status === 'True') === true;
  if (kind === 'Workflow') return is('Accomplished');
  if (kind === 'Experiment') return own?.outcome !== undefined;
  const injections = Object.values(own?.injections ?? {});
  const hits = Object.values(own?.done ?? {}).flat();
  if (own?.because === 'time-up') return is('AllRecovered');
  if (own?.because === 'refused') return is('AllRecovered');
  // A round that found nobody to hit was looked at once, and is over.
  if (own?.oneShot === true && injections.length + hits.length === 0) return own.message !== undefined;
  return (
    (own?.waiting ?? 0) === 0 &&
    injections.length + hits.length > 0 &&
    injections.every(({ reversible, phase }) => !reversible && phase !== 'selected' && phase !== 'intent')
  );
}
