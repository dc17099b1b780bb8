import { ZashikiError } from '../../core/errors.ts';

/** Split at blanks, as a shell does: quotes group, a backslash takes the next character. No shell takes part. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let [word, open, begun, escaped] = ['', '', false, false];
  for (const char of text) {
    if (escaped) {
      [word, escaped] = [word + char, false];
    } else if (char === '\\' && open !== "'") {
      [escaped, begun] = [true, true];
    } else if (open !== '') {
      if (char === open) open = '';
      else word += char;
    } else if (char === '"' || char === "'") {
      [open, begun] = [char, true];
    } else if (/\s/.test(char)) {
      if (begun) words.push(word);
      [word, begun] = ['', false];
    } else {
      [word, begun] = [word + char, true];
    }
  }
  if (open !== '' || escaped) throw new ZashikiError('usage', `a quote is not closed in ${JSON.stringify(text)}`);
  return begun ? [...words, word] : words;
}
