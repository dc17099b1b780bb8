// The balancer: round robin over the workers; when one does not answer, the next gets the order.
import { randomUUID } from 'node:crypto';
import { ask, bodyOf, reply, serve } from './lib.mjs';

const workers = process.env.WORKER_PORTS.split(',').map(Number);
let turn = 0;

serve(async (request, response) => {
  const given = request.method === 'POST' ? await bodyOf(request).catch(() => ({})) : {};
  const id = given.id ?? randomUUID();
  for (let tries = 0; tries < workers.length; tries++) {
    const port = workers[turn++ % workers.length];
    try {
      const { status, body } = await ask(port, '/order', { id }, 3000);
      return reply(response, status, body);
    } catch {
      // Orders have an id and the store takes each only once, so asking another worker is safe.
    }
  }
  reply(response, 502, { error: 'no worker answers' });
});
