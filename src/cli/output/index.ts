import type { Plan } from '../../core/model.ts';
import { jsonView } from './json-view.ts';
import { liveView } from './live-view.ts';
import { plainView } from './plain-view.ts';
import { colorOn } from './style.ts';
import type { Screen, View } from './view.ts';

export type { Screen, View } from './view.ts';

export interface OpenViewOptions {
  readonly context: { readonly stdout: Screen; readonly stderr: Screen; readonly env: NodeJS.ProcessEnv };
  /** The event stream, one JSON object a line. */
  readonly json: boolean;
  readonly plan?: Plan;
}

/** The view that fits the output: events as JSON, a live picture on a terminal, else one line per event. */
export function openView({ context, json }: OpenViewOptions): View {
  const { stdout, stderr, env } = context;
  if (json) return jsonView(stdout, stderr);
  const color = colorOn(stdout, env);
  const live = stdout.isTTY === true && env.TERM !== 'dumb' && !env.CI && (stdout.columns ?? 80) >= 40;
  return live ? liveView(stdout, { color }) : plainView(stdout, { color, stderr });
}
