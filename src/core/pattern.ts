import { RE2JS } from 're2js';
import { z } from 'zod';

/** A text to look for, or after `re2:` a regular expression in RE2 syntax (no look-around, no back-references). */
export const patternPrefix = 're2:';

/** What is wrong with a `re2:` pattern, or undefined. Plain text is always right. */
export function patternProblem(pattern: string): string | undefined {
  if (!pattern.startsWith(patternPrefix)) return undefined;
  try {
    RE2JS.compile(pattern.slice(patternPrefix.length));
    return undefined;
  } catch (error) {
    const detail = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    return `not an RE2 expression: ${detail}`;
  }
}

/** Does `text` fit? `re2:` is searched anywhere in it (anchor with ^ and $); plain text must be equal to it. */
export function equalsPattern(pattern: string, text: string): boolean {
  return pattern.startsWith(patternPrefix) ? search(pattern, text) : text === pattern;
}

/** Like `equalsPattern`, but plain text need only occur in it. */
export function containsPattern(pattern: string, text: string): boolean {
  return pattern.startsWith(patternPrefix) ? search(pattern, text) : text.includes(pattern);
}

function search(pattern: string, text: string): boolean {
  return RE2JS.compile(pattern.slice(patternPrefix.length)).matcher(text).find();
}

/** Compile once what `equalsPattern` means, for many texts. Throws an Error that says what is wrong with a pattern. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const problem = patternProblem(pattern);
  if (problem) throw new Error(`"${pattern}" is ${problem}`);
  if (!pattern.startsWith(patternPrefix)) return (text) => text === pattern;
  const compiled = RE2JS.compile(pattern.slice(patternPrefix.length));
  return (text) => compiled.test(text);
}

/** Field of a document: plain text or `re2:…`; a bad expression is an error of the document. */
export const Pattern = z
  .string()
  .meta({ title: 'pattern', description: 'Plain text, or re2: and a regular expression.', examples: ['re2:^ok'] })
  .superRefine((pattern, context) => {
    const problem = patternProblem(pattern);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });
