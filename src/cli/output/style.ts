import { styleText } from 'node:util';

/** What a piece of text means; the colours are picked here and nowhere else. */
export type Tone = 'good' | 'bad' | 'fault' | 'soft' | 'strong' | 'warn' | 'plain';

/** Colours a text, or leaves it as it is when colour is off. */
export type Paint = (tone: Tone, text: string) => string;

const formats = {
  good: 'green',
  bad: 'red',
  fault: 'magenta',
  soft: 'dim',
  strong: 'bold',
  warn: 'yellow',
} as const satisfies Record<Exclude<Tone, 'plain'>, Parameters<typeof styleText>[0]>;

/** How the terminal-facing views draw: with colour or not, and how wide. */
export interface ViewStyle {
  readonly color: boolean;
  /** Columns. */
  readonly width: number;
}

/** Whether to colour this stream: on a terminal, unless NO_COLOR is set or TERM is dumb; FORCE_COLOR decides first. */
export function colorOn(
  stream: { readonly isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  const force = env.FORCE_COLOR;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** The brush for a view. The choice was made by `colorOn`; the environment is not asked again. */
export function painter(color: boolean): Paint {
  if (!color) return (_tone, text) => text;
  return (tone, text) =>
    tone === 'plain' || text === '' ? text : styleText(formats[tone], text, { validateStream: false });
}
