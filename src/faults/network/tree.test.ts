import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effects } from './effects.ts';
import { filtersOf } from './match.ts';
import { decimal, netemArgs, queueLimit, tbfArgs } from './netem.ts';
import { type Stage, treeOf } from './tree.ts';

const all = (name: string): Stage => ({ filters: null, qdisc: [name] });
const some = (name: string): Stage => ({
  filters: filtersOf({ direction: 'egress', peers: ['10.0.0.1/32'] }, 'egress'),
  qdisc: [name],
});

test('stages for all packets are a chain', () => {
  expect(treeOf('d', [all('a'), all('b')])).toEqual({
    commands: ['qdisc add dev d root handle 1: a', 'qdisc add dev d parent 1:1 handle 2: b'],
    handles: [['1:'], ['2:']],
  });
});

test('a stage for some packets has two bands, and both go on', () => {
  const { commands, handles } = treeOf('d', [some('a'), all('b')]);
  expect(commands).toEqual([
    'qdisc add dev d root handle 1: prio bands 2 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0',
    'filter add dev d parent 1: protocol ip pref 4 u32 match u32 0xa000001 0xffffffff at 16 flowid 1:2',
    'qdisc add dev d parent 1:2 handle 2: a',
    'qdisc add dev d parent 2:1 handle 3: b',
    'qdisc add dev d parent 1:1 handle 4: b',
  ]);
  expect(handles).toEqual([['2:'], ['3:', '4:']]);
});

test('every packet meets the stages that it matches, in order, and no other', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 5 }), fc.integer({ min: 0, max: 31 }), (kinds, bits) => {
      const stages = kinds.map((whole, i) => (whole ? all(`s${i}`) : some(`s${i}`)));
      const { commands } = treeOf('d', stages);
      const qdiscs = new Map(
        commands.flatMap((line) => {
          const [, parent = '', handle = '', kind = ''] =
            /^qdisc add dev d (?:parent )?(\S+) handle (\w+): (\S+)/.exec(line) ?? [];
          return parent ? [[parent, { handle, kind }] as const] : [];
        }),
      );
      // Walk down as a packet would that matches the filters whose bit is set.
      const met: string[] = [];
      for (let at = qdiscs.get('root'), divider = -1; at; ) {
        if (at.kind === 'prio') {
          divider = stages.findIndex(({ filters }, i) => i > divider && filters);
          at = qdiscs.get(`${at.handle}:${(bits >> divider) & 1 ? 2 : 1}`);
        } else {
          met.push(at.kind);
          at = qdiscs.get(`${at.handle}:1`);
        }
      }
      expect(met).toEqual(kinds.flatMap((whole, i) => (whole || (bits >> i) & 1 ? [`s${i}`] : [])));
    }),
  );
});

test('where prio is missing htb divides', () => {
  const { commands } = treeOf('d', [some('tbf'), all('tbf')], 'htb');
  expect(commands.filter((line) => line.startsWith('class'))).toHaveLength(2);
  expect(commands[0]).toBe('qdisc add dev d root handle 1: htb default 1');
});

test('effects as netem reads them, with all digits', () => {
  const effects: Effects = {
    delay: { latencyUs: 100_500, jitterUs: 250, correlation: 25, distribution: 'normal' },
    loss: { model: 'random', percent: 0.001, correlation: 0 },
    duplicate: { percent: 1e-7, correlation: 50 },
    corrupt: { percent: 12.5, correlation: 0 },
    reorder: { percent: 30, correlation: 5, gap: 3 },
    rate: { bitsPerSecond: 1_000_000, packetOverhead: -14, cellSize: 53, cellOverhead: 5 },
  };
  expect(
    netemArgs(effects, 7)
      .join(' ')
      .replace(/limit \d+/, 'limit N'),
  ).toBe(
    'netem limit N delay 100500us 250us 25% distribution normal loss random 0.001% 0% duplicate 0.0000001% 50% ' +
      'corrupt 12.5% 0% reorder 30% 5% gap 3 rate 1000000bit -14 53 5 seed 7',
  );
  const plain = { latencyUs: 5, jitterUs: 0, correlation: 20, distribution: 'pareto' } as const;
  expect(netemArgs({ delay: plain }).slice(3)).toEqual(['delay', '5us']);
  const chains = [
    { model: 'state', p13: 1, p31: 2, p32: 3, p23: 4, p14: 5 },
    { model: 'gemodel', pg: 1, pb: 2, oneH: 3, oneK: 0.5 },
  ] as const;
  expect(chains.map((loss) => netemArgs({ loss }).slice(3).join(' '))).toEqual([
    'loss state 1% 2% 3% 4% 5%',
    'loss gemodel 1% 2% 3% 0.5%',
  ]);
  expect(() => netemArgs({ loss: { model: 'nth', every: 3, packet: 0 } })).toThrow();
});

test('a queue is long enough for its delay', () => {
  const delay = (latencyUs: number) => ({ latencyUs, jitterUs: 0, correlation: 0, distribution: 'uniform' }) as const;
  expect(queueLimit({})).toBe(1000);
  // 10 Gbit/s for one second.
  expect(queueLimit({ delay: delay(1e6) })).toBeGreaterThanOrEqual(833_333);
  expect(queueLimit({ delay: delay(3600e6) })).toBe(10_000_000);
  expect(queueLimit({ delay: delay(1e6), rate: { bitsPerSecond: 1_000_000 } })).toBe(1000 + 977);
  expect(queueLimit({ delay: delay(1e5), duplicate: { percent: 1, correlation: 0 } })).toBeGreaterThan(
    queueLimit({ delay: delay(1e5) }),
  );
});

test('a rate as tbf reads it', () => {
  expect(tbfArgs({ bitsPerSecond: 1_000_000 }).join(' ')).toBe('tbf rate 1000000bit burst 3200 limit 67200');
  expect(tbfArgs({ bitsPerSecond: 8e9, burst: 10, limit: 20 }).join(' ')).toBe(
    'tbf rate 8000000000bit burst 10 limit 20',
  );
});

test('numbers never have an exponent', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 100, noNaN: true }), (value) => {
      expect(decimal(value)).toMatch(/^\d+(\.\d+)?$/);
      expect(Number(decimal(value))).toBeCloseTo(value, 9);
    }),
  );
});
