// The store: keeps every order in a file, one after the other; reads the file again when it starts.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { bodyOf, reply, serve } from './lib.mjs';

const file = process.env.SHOP_FILE;
const careful = process.env.SHOP_FIXED === '1';
const serviceTime = 6;
const orders = new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
const waiting = [];
let busy = false;

function next() {
  const order = waiting.shift();
  if (!order) {
    busy = false;
    return;
  }
  busy = true;
  // The weakness, part two: it also works on orders whose asker has long given up.
  if (careful && Date.now() > order.deadline) {
    next();
    return;
  }
  setTimeout(() => {
    if (!orders.has(order.id)) {
      orders.add(order.id);
      appendFileSync(file, `${order.id}\n`);
    }
    reply(order.response, 200, { id: order.id });
    next();
  }, serviceTime);
}

serve(async (request, response) => {
  const body = request.method === 'POST' ? await bodyOf(request).catch(() => ({})) : {};
  if (request.url === '/order') {
    waiting.push({ ...body, response });
    if (!busy) next();
  } else if (request.url === '/missing') {
    reply(response, 200, { missing: body.ids.filter((id) => !orders.has(id)) });
  } else {
    reply(response, 200, { orders: orders.size, waiting: waiting.length });
  }
});
