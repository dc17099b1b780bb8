import type { Api } from './api.ts';
import type { Desired } from './desired.ts';
import { recordId } from './record.ts';
import type { OwnStatus, Resource } from './resource.ts';
import type { Happening } from './status.ts';

/** What was done and decided, as events with the reasons and words of Chaos Mesh. */
export function tell(
  api: Pick<Api, 'event'>,
  resource: Resource,
  before: OwnStatus,
  own: OwnStatus,
  want: Desired,
  happenings: readonly Happening[],
  { changed, on }: { readonly changed: boolean; readonly on: boolean },
): void {
  const normal = (reason: string, message: string) => api.event(resource, 'Normal', reason, message);
  const warning = (reason: string, message: string) => api.event(resource, 'Warning', reason, message);
  if (on && before.because !== 'run') normal('Started', 'Experiment has started');
  if (want.because !== before.because) {
    if (want.because === 'paused') normal('Paused', 'Experiment has been paused');
    if (want.because === 'time-up') normal('TimeUp', 'Time up according to the duration');
    if (want.because === 'deleted') normal('Deleted', 'Experiment has been deleted');
    if (want.because === 'stopped') warning('Stopped', `The stop lever is pulled: ${own.message ?? 'no reason given'}`);
    if (want.because === 'refused') warning('NotSupported', own.message ?? 'refused');
  }
  if (changed) normal('Updated', 'Successfully update spec of resource');
  const said = own.message;
  if (on && said !== undefined && said !== before.message) warning('Failed', `Failed to select targets: ${said}`);
  for (const { injection, result } of happenings) {
    const id = recordId(injection.target);
    const isGoing = injection.phase === 'selected' || injection.phase === 'intent';
    if (result.did === 'injected') normal('Applied', `Successfully apply chaos for ${id}`);
    if (result.did === 'verified' && result.yes) normal('Recovered', `Successfully recover chaos for ${id}`);
    if (result.did === 'gone' && injection.reversible && !isGoing)
      normal('Recovered', `Successfully recover chaos for ${id}`);
    if (result.did === 'failed')
      warning('Failed', `Failed to ${isGoing ? 'apply' : 'recover'} chaos for ${id}: ${result.error}`);
    if (result.did === 'observed' && !result.yes && injection.tries === 0) {
      warning('NoEffect', `Applied, but no effect seen on ${id}: ${result.detail}`);
    }
    if (result.did === 'gave-up')
      warning('RecoveryUnverified', `Gave up recovering ${id}, nobody knows what is left: ${result.reason}`);
  }
}
