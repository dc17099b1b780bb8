import { expect, test } from 'vitest';
import { placeKeys } from './inline-keys.ts';

const pem = '-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----';
const engine = (key: string, ca = '/ca.pem') => ({
  runtime: 'docker' as const,
  endpoint: 'tcp://h:2376',
  tls: { verify: true, ca, cert: '', key },
});

test('PU-02 a text becomes a file of its own, the same text the same file; paths stay', () => {
  const placed = placeKeys(engine(`${pem}\n`), '/state/keys');
  expect(placed.files).toEqual([
    {
      name: 'key',
      flag: '--tlskey',
      path: expect.stringMatching(/^\/state\/keys\/[0-9a-f]{32}\.pem$/),
      text: `${pem}\n`,
    },
  ]);
  expect(placed.engine).toEqual(engine(placed.files[0]?.path ?? ''));
  expect(JSON.stringify(placed.engine)).not.toContain('BEGIN');
  expect(placeKeys(engine(pem), '/state/keys')).toEqual(placed);
  expect(placeKeys(engine(pem, pem.replace('abc', 'abd')), '/state/keys').files.map(({ flag }) => flag)).toEqual([
    '--tlscacert',
    '--tlskey',
  ]);
});

test('PU-02 what is neither a path nor PEM is left for the refusal', () => {
  expect(placeKeys(engine('key.pem'), '/state/keys')).toEqual({ engine: engine('key.pem'), files: [] });
  const plain = { runtime: 'docker' as const, endpoint: 'unix:///x' };
  expect(placeKeys(plain, '/state/keys')).toEqual({ engine: plain, files: [] });
});
