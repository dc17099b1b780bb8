/**
 * `rm -l` once meant --links and took no value; today -l is --limit and takes a number. What follows it tells which
 * one is meant.
 */
export function readOldLinks(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, at) => {
    const before = end < 0 || at < end;
    return before && argument === '-l' && !/^[+-]?\d/.test(argv[at + 1] ?? '') ? '--links' : argument;
  });
}
