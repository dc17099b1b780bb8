import type { Kind } from '../kind.ts';
import { chaosKinds } from './blocks.ts';
import { schedule } from './schedule-kind.ts';
import { statusCheck } from './status-check.ts';
import { workflow } from './workflow.ts';

/** All kinds that are read, in the order of the docs. */
export const kinds: readonly Kind[] = [...chaosKinds, schedule, workflow, statusCheck];
