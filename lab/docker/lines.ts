import type { Socket } from 'node:net';

/** Call back on each whole line that comes in. Errors of the connection are its end, which `close` tells. */
export function onLine(socket: Socket, take: (line: string) => void): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}
