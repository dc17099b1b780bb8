import { createReadStream } from 'node:fs';
import { request } from 'node:http';

/** One call to an engine, without any client library. Rejects for status 400 and above. */
export function call(socketPath: string, method: string, path: string, body?: object | { file: string }) {
  return new Promise<string>((resolve, reject) => {
    const file = body && 'file' in body ? String(body.file) : undefined;
    const type = file ? 'application/x-tar' : 'application/json';
    const outgoing = request({ socketPath, method, path, headers: { 'content-type': type } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const failed = (response.statusCode ?? 500) >= 400 || text.includes('"errorDetail"');
        if (failed) reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`));
        else resolve(text);
      });
    });
    outgoing.on('error', reject);
    if (file) createReadStream(file).on('error', reject).pipe(outgoing);
    else outgoing.end(body ? JSON.stringify(body) : undefined);
  });
}
