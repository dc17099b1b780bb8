import { z } from 'zod';

/** What a shell would act upon: pipes, redirections, substitutions, variables. */
const special = /[|&;<>()`$\n]/;

/**
 * Split a command line into words as a POSIX shell does (blanks, both kinds of quotes, backslash) without running one.
 * Wildcards stay as they are. A string: what is wrong with it.
 */
export function splitWords(text: string): readonly string[] | string {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    const next = text[at + 1];
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word += char;
    } else if (char === '\\') {
      if (next === undefined) return 'it ends with a backslash';
      // Between double quotes a backslash is itself, but before these.
      word = `${word ?? ''}${quote && !'"\\$`'.includes(next) ? char : ''}${next}`;
      at++;
    } else if (quote) {
      if (char === '"') quote = undefined;
      else if (char === '$' || char === '`') return needsShell(char);
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (special.test(char)) return needsShell(char);
    else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = `${word ?? ''}${char}`;
  }
  if (quote) return `the quote ${quote} is never closed`;
  if (word !== undefined) words.push(word);
  return words.length > 0 ? words : 'it is empty';
}

const needsShell = (char: string) =>
  `${JSON.stringify(char)} means something to a shell, and none is run: quote it with '…', or write [sh, -c, "…"]`;

/** A program and its arguments: a list, or one text that is split as a shell would. */
export const Command = z
  .union([z.string(), z.array(z.string()).min(1, 'name a program')])
  .meta({
    title: 'command',
    description: 'A program and its arguments, as a list or as one text.',
    examples: [['kill', '1'], 'nginx -s reload'],
  })
  .transform((given, context): readonly string[] => {
    const words = typeof given === 'string' ? splitWords(given) : given;
    if (typeof words !== 'string') return words;
    context.addIssue({ code: 'custom', message: `not a command: ${words}` });
    return z.NEVER;
  });
