// The customers: 40 orders a second, whether the shop keeps up or not. /stats tells how it goes.
import { randomUUID } from 'node:crypto';
import { ask, reply, serve } from './lib.mjs';

const shop = Number(process.env.BALANCER_PORT);
const store = Number(process.env.STORE_PORT);
const perSecond = 40;
const confirmed = [];
let sent = 0;
let failed = 0;
let inFlight = 0;

setInterval(async () => {
  const id = randomUUID();
  sent++;
  inFlight++;
  try {
    const { status } = await ask(shop, '/order', { id }, 2500);
    if (status === 200) confirmed.push(id);
    else failed++;
  } catch {
    failed++;
  }
  inFlight--;
}, 1000 / perSecond);

serve(async (request, response) => {
  if (request.url !== '/audit') return reply(response, 200, { sent, confirmed: confirmed.length, failed, inFlight });
  // What a customer was told is done must be in the store.
  const { body } = await ask(store, '/missing', { ids: confirmed.slice(-2000) }, 2000).catch(() => ({ body: null }));
  reply(response, body ? 200 : 503, { confirmed: confirmed.length, lost: body ? body.missing.length : null });
});
