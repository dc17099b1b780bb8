/** A line of progress, on standard error: standard output belongs to the command in the guest. */
export type Say = (line: string) => void;

/** Progress with the seconds since the start. */
export function saying(who = 'lab:vm'): Say {
  const from = performance.now();
  return (line) =>
    process.stderr.write(`${who} ${((performance.now() - from) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

/** An error of the lab itself: what failed, and what to do. */
export class LabError extends Error {
  readonly hint: string;
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
    this.hint = hint;
  }
}
