// Writes to each member of an etcd cluster, ten times a second, and writes the rate of the last two seconds into a file.
// node load.mjs FILE URL…
import { renameSync, writeFileSync } from 'node:fs';

const [file, ...members] = process.argv.slice(2);
const every = 100;
const window = 2000;
const answered = [];
const base64 = (text) => Buffer.from(text).toString('base64');

async function put(member, number) {
  const body = JSON.stringify({ key: base64(`load/${number % 100}`), value: base64(String(number)) });
  const answer = await fetch(`${member}/v3/kv/put`, { method: 'POST', body, signal: AbortSignal.timeout(900) });
  if (!answer.ok) throw new Error(String(answer.status));
  await answer.arrayBuffer();
  answered.push(performance.now());
}

// One write at a time for each member: who is away is asked again and again, and holds up nobody else.
async function writeTo(member) {
  for (let number = 0; ; number++) {
    const began = performance.now();
    await put(member, number).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, every - (performance.now() - began))));
  }
}

setInterval(() => {
  const since = performance.now() - window;
  while (answered.length > 0 && answered[0] < since) answered.shift();
  writeFileSync(`${file}.new`, `${(answered.length * 1000) / window}\n`);
  renameSync(`${file}.new`, file);
}, 100);
for (const member of members) void writeTo(member);
