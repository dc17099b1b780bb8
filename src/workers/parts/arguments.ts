/** The number behind `--name`, or the default. */
export function numberArgument(name: string, otherwise: number): number {
  const value = Number(textArgument(name, String(otherwise)));
  if (Number.isFinite(value) && value >= 0) return value;
  process.stderr.write(`--${name} needs a number\n`);
  process.exit(2);
}

/** The text behind `--name`, or the default. */
export function textArgument(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return (at < 0 ? undefined : process.argv[at + 1]) ?? otherwise;
}

/** End this process after so many milliseconds; 0: never by itself. */
export function endAfter(ms: number): void {
  if (ms === 0) return;
  const end = performance.now() + ms;
  const check = () => {
    const left = end - performance.now();
    if (left <= 0) process.exit(0);
    // Node's timers hold 31 bits.
    setTimeout(check, Math.min(left, 2 ** 30));
  };
  check();
}
