import type { ExecCapability } from '../../../capabilities/exec.ts';
import type { ContainerIdentity } from '../identity.ts';
import type { Runtime } from '../runtime.ts';

/** Programs inside a container, by its id alone: what was changed by one may be changed back after a restart. */
export const execCapability = ({ id }: ContainerIdentity, runtime: Runtime): ExecCapability => ({
  run: (argv, options) => runtime.exec(id, argv, options),
});
