import type { Netns } from '../../../capabilities/netns.ts';
import { isError } from '../../../core/errors.ts';
import type { Family } from './rules.ts';

/*
 * The kernel can be told to delete a chain or a table only if it is empty (NLM_F_NONREC), and then refuses when somebody
 * has put something there a moment ago. nft never says so and deletes all that is in there, hence a few lines of Perl or
 * Python. Arguments: the protocol family, the table, whether the table goes too, its chains, --, our own chains. The names
 * of our own chains tell what came with them: they go last, together with the table or not at all, so that whoever is
 * killed on the way leaves enough for the next one.
 */
const perl = String.raw`
use strict; alarm 10;
my ($family, $table, $all, @chains) = @ARGV;
socket(my $s, 16, 3, 12) or exit 1;
bind($s, pack('SSLL', 16, 0, 0, 0)) or exit 1;
sub message { my ($type, $flags, $seq, $body) = @_; pack('LSSLL', 16 + length($body), $type, $flags, $seq, 0) . $body }
sub name { my ($type, $text) = @_; my $a = pack('SS', 5 + length($text), $type) . "$text\0"; $a . "\0" x (-length($a) & 3) }
sub chain { [2565, name(1, $table) . name(3, $_[0])] }
sub ask {
  my $ends = pack('CCn', 0, 0, 10);
  my $asked = join '', map { message($_->[0], 0x105, 2, pack('CCn', $family, 0, 0) . $_->[1]) } @_;
  send($s, message(16, 1, 1, $ends) . $asked . message(17, 1, 3, $ends), 0) or exit 1;
  recv($s, my $answer, 65536, 0) for @_;
}
my @own;
while (@chains) { my $last = pop @chains; last if $last eq '--'; push @own, chain($last) }
ask(chain($_)) for @chains;
ask(@own, [2562, name(1, $table)]) if $all;
ask(@own) if @own;
`;

const python = `
import signal, socket, struct, sys
signal.alarm(10)
family, table, whole, names = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
chains, own = names[:names.index('--')], names[names.index('--') + 1:]
s = socket.socket(16, socket.SOCK_RAW, 12)
s.bind((0, 0))
def message(kind, flags, seq, body): return struct.pack('=LHHLL', 16 + len(body), kind, flags, seq, 0) + body
def name(kind, text):
    a = struct.pack('=HH', 5 + len(text), kind) + text.encode() + b'\\0'
    return a + bytes(-len(a) & 3)
def chain(text): return 2565, name(1, table) + name(3, text)
def ask(*asked):
    ends = struct.pack('>BBH', 0, 0, 10)
    messages = b''.join(message(kind, 0x105, 2, struct.pack('>BBH', family, 0, 0) + body) for kind, body in asked)
    s.send(message(16, 1, 1, ends) + messages + message(17, 1, 3, ends))
    for _ in asked: s.recv(65536)
ours = [chain(text) for text in own]
for text in chains: ask(chain(text))
if whole: ask(*ours, (2562, name(1, table)))
if ours: ask(*ours)
`;

/** What may be left without anything in it. */
export type Empties = { readonly chains: readonly string[]; readonly table: boolean };

/** Delete these as far as they are empty, and our own chains last; false when no program is there that could. */
export async function deleteEmpties(
  ns: Netns,
  family: Family,
  table: string,
  { chains, table: whole }: Empties,
  own: readonly string[],
): Promise<boolean> {
  const args = [family === 6 ? '10' : '2', table, whole ? '1' : '0', ...chains, '--', ...own];
  for (const argv of [
    ['perl', '-e', perl, ...args],
    ['python3', '-I', '-c', python, ...args],
  ]) {
    try {
      if ((await ns.run(argv)).code === 0) return true;
    } catch (error) {
      if (!isError(error, 'not-supported')) throw error;
    }
  }
  return false;
}
