import { expect, test } from 'vitest';
import { isTold, levelOf } from './log-entry.ts';
import { jsonLine, terminalLine, textLine } from './logrus.ts';

// What is expected here was printed by logrus 1.9.3.

const at = Date.UTC(2026, 10, 21, 5, 3, 30);
const killing = {
  level: 'info',
  message: 'killing container',
  fields: { name: '/web', id: 'abc', signal: 'SIGKILL', dryrun: false },
  at,
} as const;
const odd = {
  level: 'warning',
  message: 'skipping error',
  fields: {
    duration: { span: 10_000 },
    command: ['delay', '100ms'],
    ips: { networks: ['10.0.0.1/32', '10.0.0.0/8'] },
    sports: [],
    dports: null,
    'tc-img': 'ghcr.io/a/b:latest',
    pull: true,
    q: 'a "b" <c> & é \x01\n',
    empty: '',
    error: 'boom',
  },
  at,
} as const;
const clash = {
  level: 'fatal',
  message: 'running kill: x\n',
  fields: { timout: 5, time: 'x', msg: 'y', level: 'z' },
  at,
} as const;

test('PU-11 text: time, level, message, then fields in order; quoted where needed', () => {
  expect(textLine(killing, 0)).toBe(
    'time="2026-11-21T05:03:30Z" level=info msg="killing container" dryrun=false id=abc name=/web signal=SIGKILL\n',
  );
  expect(textLine(odd, 540)).toBe(
    String.raw`time="2026-11-21T14:03:30+09:00" level=warning msg="skipping error" command="[delay 100ms]" dports="[]" duration=10s empty= error=boom ips="[10.0.0.1/32 10.0.0.0/8]" pull=true q="a \"b\" <c> & é \x01\n" sports="[]" tc-img="ghcr.io/a/b:latest"` +
      '\n',
  );
  expect(textLine(clash, -210)).toBe(
    String.raw`time="2026-11-21T01:33:30-03:30" level=fatal msg="running kill: x\n" fields.level=z fields.msg=y fields.time=x timout=5` +
      '\n',
  );
});

test('PU-11 JSON: one object, keys in order, nanoseconds, HTML escaped', () => {
  expect(jsonLine(killing, 0)).toBe(
    '{"dryrun":false,"id":"abc","level":"info","msg":"killing container","name":"/web","signal":"SIGKILL","time":"2026-11-21T05:03:30Z"}\n',
  );
  expect(jsonLine(odd, 0)).toBe(
    String.raw`{"command":["delay","100ms"],"dports":null,"duration":10000000000,"empty":"","error":"boom","ips":[{"IP":"10.0.0.1","Mask":"/////w=="},{"IP":"10.0.0.0","Mask":"/wAAAA=="}],"level":"warning","msg":"skipping error","pull":true,"q":"a \"b\" \u003cc\u003e \u0026 é \u0001\n","sports":[],"tc-img":"ghcr.io/a/b:latest","time":"2026-11-21T05:03:30Z"}` +
      '\n',
  );
});

test('a terminal: colors, seconds since the start, the message in 44 columns', () => {
  expect(terminalLine(killing, at - 2500)).toBe(
    '\x1b[36mINFO\x1b[0m[0002] killing container                             \x1b[36mdryrun\x1b[0m=false \x1b[36mid\x1b[0m=abc \x1b[36mname\x1b[0m=/web \x1b[36msignal\x1b[0m=SIGKILL\n',
  );
  expect(terminalLine(clash, at)).toBe(
    '\x1b[31mFATA\x1b[0m[0000] running kill: x                               \x1b[31mfields.level\x1b[0m=z \x1b[31mfields.msg\x1b[0m=y \x1b[31mfields.time\x1b[0m=x \x1b[31mtimout\x1b[0m=5\n',
  );
});

test('levels: all small or all big, else warning; a threshold lets the worse through', () => {
  expect([levelOf('debug'), levelOf('INFO'), levelOf('Info'), levelOf('trace'), levelOf('')]).toEqual([
    'debug',
    'info',
    'warning',
    'warning',
    'warning',
  ]);
  expect([isTold('warning', 'warning'), isTold('info', 'warning'), isTold('fatal', 'panic')]).toEqual([
    true,
    false,
    false,
  ]);
});
