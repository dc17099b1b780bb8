const newline = 0x0a;

/**
 * Cut what comes in pieces into lines; empty ones count. A line with more bytes than `longest` is told to `tooLong`, and
 * nothing that comes after it is a line.
 */
export function cutLines(
  onLine: (line: string) => void,
  longest: number,
  tooLong: () => void,
): (chunk: Buffer | string) => void {
  let begun: Buffer[] = [];
  let size = 0;
  let isOver = false;
  return (chunk) => {
    if (isOver) return;
    let rest = Buffer.from(chunk);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      const line = Buffer.concat([...begun, rest.subarray(0, end)]).toString();
      begun = [];
      size = 0;
      rest = rest.subarray(end + 1);
      onLine(line);
    }
    begun.push(rest);
    size += rest.length;
    if (size <= longest) return;
    isOver = true;
    begun = [];
    tooLong();
  };
}
