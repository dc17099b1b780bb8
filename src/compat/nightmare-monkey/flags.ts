import type { GoFlag } from './go-flags.ts';

/** The flags of Nightmare Monkey 0.0.1, then ours. */
export const flags: readonly GoFlag[] = [
  {
    names: ['execute'],
    kind: 'bool',
    usage: 'really kill; without it the monkey only says what it would kill',
  },
  {
    names: ['min-interval'],
    kind: 'count',
    default: 3600,
    usage: 'shortest wait between two kills, in seconds',
  },
  {
    names: ['max-interval'],
    kind: 'count',
    default: 21600,
    usage: 'longest wait between two kills, in seconds; both ends are possible',
  },
  {
    names: ['day', 'd'],
    kind: 'text',
    default: '1-5',
    usage: 'days of the week on which it may kill, 0-7 (0 and 7 are Sunday); may wrap, like 5-1',
  },
  {
    names: ['time', 't'],
    kind: 'text',
    default: '11:00-18:00',
    usage: 'hours in which it may kill, HH:MM-HH:MM, the last minute included; may go over midnight',
  },
  { names: ['port', 'p'], kind: 'count', default: 8080, usage: 'port of the API; 0 is any free one' },
  {
    names: ['host'],
    kind: 'text',
    default: '127.0.0.1',
    usage: 'address of the API; another than loopback needs ZASHIKI_TOKEN',
  },
  {
    names: ['seed'],
    kind: 'count',
    usage: 'the same seed gives the same waits and picks (default: drawn and printed)',
  },
  { names: ['sealed'], kind: 'bool', usage: 'a drill: who was hit is printed when the monkey is stopped, not before' },
  {
    names: ['chat-users'],
    kind: 'text',
    usage: 'who may use POST /api/chat, comma-separated; without it there is no chat',
  },
  {
    names: ['chat-confirm'],
    kind: 'bool',
    usage: 'ask back before a kill from chat; --chat-confirm=false kills at the word (default: true)',
  },
  {
    names: ['counter-url'],
    kind: 'text',
    usage: 'JSON with a number in it; a kill each time it passes the next threshold',
  },
  { names: ['counter-path'], kind: 'text', default: 'likes_count', usage: 'where the number is, with dots' },
  { names: ['counter-start'], kind: 'count', default: 3, usage: 'the first threshold' },
  { names: ['counter-step'], kind: 'count', default: 3, usage: 'what is added to it after a kill' },
  { names: ['counter-interval'], kind: 'count', default: 600, usage: 'seconds between two looks at the number' },
  { names: ['counter-state'], kind: 'text', usage: 'file that keeps the next threshold' },
];

/** Every command line may ask for these. */
export const standardFlags: readonly GoFlag[] = [
  { names: ['help', 'h'], kind: 'bool', usage: 'show this help' },
  { names: ['version', 'v'], kind: 'bool', usage: 'print the version' },
];
