// Writes to all members of an etcd cluster at a time, five times a second, and notes in a file how many such rounds were
// answered in a second, over the last two: node load.mjs FILE URL…
import { renameSync, writeFileSync } from 'node:fs';

const [file, ...members] = process.argv.slice(2);
const every = 200;
const window = 2000;
const answered = [];
const base64 = (text) => Buffer.from(text).toString('base64');

async function put(member, number) {
  const body = JSON.stringify({ key: base64(`load/${number % 100}`), value: base64(String(number)) });
  const answer = await fetch(`${member}/v3/kv/put`, { method: 'POST', body, signal: AbortSignal.timeout(1500) });
  if (!answer.ok) throw new Error(String(answer.status));
  await answer.arrayBuffer();
}

// A round is one write to each member: as with shards, whoever is away is missed by all.
async function write() {
  for (let number = 0; ; number++) {
    const began = performance.now();
    const results = await Promise.allSettled(members.map((member) => put(member, number)));
    if (results.every(({ status }) => status === 'fulfilled')) answered.push(performance.now());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, every - (performance.now() - began))));
  }
}

setInterval(() => {
  const since = performance.now() - window;
  while (answered.length > 0 && answered[0] < since) answered.shift();
  writeFileSync(`${file}.new`, `${(answered.length * 1000) / window}\n`);
  renameSync(`${file}.new`, file);
}, 100);
await write();
