// What all parts of the shop share: listen, tell the supervisor, end when the supervisor ends, ask a neighbor.
import http from 'node:http';

/** Serve on $PORT (0: any free one) and report the port to the supervisor. */
export function serve(handler) {
  const server = http.createServer(handler);
  server.keepAliveTimeout = 1000;
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => process.send?.({ port: server.address().port }));
  // The pipe to the supervisor closes when it dies, also by SIGKILL: nobody stays behind.
  process.on('disconnect', () => process.exit(0));
  return server;
}

export function reply(response, status, body) {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** A POST of JSON; rejects when it fails or takes longer than `timeout` ms. */
export function ask(port, path, body, timeout) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, path, method: 'POST', agent: false, timeout },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, body: text ? JSON.parse(text) : null }));
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

export async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}
