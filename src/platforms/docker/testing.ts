import type { Target, TargetRef } from '../../core/model.ts';
import docker from './platform.ts';
import type { DockerSelector } from './selector.ts';

/** The targets that a selector finds, as a person would write it. */
export const find = async (selector: DockerSelector): Promise<readonly Target[]> =>
  docker.discover(docker.selector.parse(selector));

/** The one target of this name or id. */
export async function targetOf(selector: DockerSelector): Promise<Target> {
  const [target, ...others] = await find(selector);
  if (!target || others.length > 0) throw new Error(`${JSON.stringify(selector)} is ${others.length + 1} containers`);
  return target;
}

/** The same target as if its engine were on another machine. */
export function elsewhere(target: TargetRef, helperImage = 'zashiki-lab/nettools'): TargetRef {
  const { pid: _pid, startTime: _startTime, bootId: _bootId, ...identity } = target.identity;
  return { ...target, identity: { ...identity, helperImage } };
}
