// A worker: takes an order and puts it into the store.
import { ask, bodyOf, reply, serve } from './lib.mjs';

const store = Number(process.env.STORE_PORT);
const careful = process.env.SHOP_FIXED === '1';
const timeout = 400;
// The weakness, part one: impatient, and at once again, up to five times.
const attempts = careful ? 1 : 5;
let openUntil = 0;
let timeouts = 0;
let asked = 0;

serve(async (request, response) => {
  if (request.url === '/stats') return reply(response, 200, { asked });
  const { id } = await bodyOf(request).catch(() => ({}));
  // The cure: a circuit breaker gives the store time to come back.
  if (careful && Date.now() < openUntil) return reply(response, 503, { error: 'the store needs a moment' });
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      asked++;
      await ask(store, '/order', { id, deadline: Date.now() + timeout }, timeout);
      timeouts = 0;
      return reply(response, 200, { id, attempt, worker: process.pid });
    } catch {
      timeouts++;
      if (careful && timeouts >= 5) openUntil = Date.now() + 300;
    }
  }
  reply(response, 503, { error: 'the store does not answer' });
});
