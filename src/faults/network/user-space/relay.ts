/**
 * Node cannot open netlink or raw sockets, so a few lines of Perl or Python do, and pass messages on: what the kernel
 * says goes to standard output, what comes by standard input goes to the kernel; an order to send a packet goes to a
 * raw socket that has the mark and is bound to the device. When its input ends, or when its time is up, the kernel lets all packets pass again.
 */
export interface Relay {
  readonly program: string;
  /** Arguments; the mark and the longest life in seconds (0: no end) follow. */
  readonly args: readonly string[];
}

const perl = String.raw`
use strict;
use Errno;
my ($mark, $life) = @ARGV;
socket(my $netlink, 16, 3, 12) or die "open a netlink socket: $!\n";
setsockopt($netlink, 1, 33, pack('i', 8 << 20)) or setsockopt($netlink, 1, 8, pack('i', 8 << 20));
setsockopt($netlink, 270, 5, pack('i', 1));
bind($netlink, pack('SSLL', 16, 0, 0, 0)) or die "bind the netlink socket: $!\n";
alarm($life) if $life;
my %raw;
sub raw {
  my ($family, $device) = @_;
  return $raw{"$family $device"} if exists $raw{"$family $device"};
  socket(my $socket, $family, 3, 255) or die "open a raw socket: $!\n";
  setsockopt($socket, 1, 36, pack('L', $mark)) or die "mark packets: $!\n";
  setsockopt($socket, 1, 32, pack('i', 8 << 20)) or setsockopt($socket, 1, 7, pack('i', 8 << 20));
  setsockopt($socket, 1, 62, pack('i', $device)) if $device;
  return $raw{"$family $device"} = $socket;
}
sub send_on {
  my ($packet, $device) = @_;
  my $to = ord($packet) >> 4 == 4
    ? pack('SnNx8', 2, 0, unpack('N', substr($packet, 16, 4)))
    : pack('SnNa16L', 10, 0, 0, substr($packet, 24, 16), $device);
  send(raw(unpack('S', $to), $device), $packet, 0x40, $to);
}
sub all {
  my ($to, $data) = @_;
  for (my $at = 0; $at < length($data); ) {
    my $done = syswrite($to, $data, length($data) - $at, $at);
    defined $done ? ($at += $done) : ($!{EINTR} or exit 1);
  }
}
my ($in, $want) = ('', '');
vec($want, fileno(STDIN), 1) = 1;
vec($want, fileno($netlink), 1) = 1;
for (;;) {
  my $ready = $want;
  next if select($ready, undef, undef, undef) < 0;
  if (vec($ready, fileno($netlink), 1)) {
    my $out = '';
    while (length($out) < 262144) {
      defined recv($netlink, my $message, 131072, 0x40) or last;
      $out .= $message;
      $out .= "\0" x (-length($message) & 3);
    }
    all(\*STDOUT, $out) if length($out);
  }
  if (vec($ready, fileno(STDIN), 1)) {
    my $got = sysread(STDIN, $in, 262144, length($in));
    exit 0 if defined $got && $got == 0;
    my ($at, $batch) = (0, '');
    while (length($in) - $at >= 16) {
      my ($length, $type, undef, $size, $device) = unpack('LSSLL', substr($in, $at, 16));
      exit 1 if $length < 16;
      last if length($in) - $at < $length;
      if ($type == 0xffff) { send_on(substr($in, $at + 16, $size), $device) }
      else {
        if (length($batch) + $length > 65536) { syswrite($netlink, $batch); $batch = '' }
        $batch .= substr($in, $at, $length);
      }
      $at += $length;
    }
    syswrite($netlink, $batch) if length($batch);
    substr($in, 0, $at, '');
  }
}
`;

const python = `
import os, select, signal, socket, struct, sys
mark, life = int(sys.argv[1]), int(sys.argv[2])
netlink = socket.socket(16, socket.SOCK_RAW, 12)
try: netlink.setsockopt(1, 33, 8 << 20)
except OSError: netlink.setsockopt(1, 8, 8 << 20)
netlink.setsockopt(270, 5, 1)
netlink.bind((0, 0))
signal.signal(signal.SIGALRM, signal.SIG_DFL)
if life: signal.alarm(life)
raws = {}
def raw(family, device):
    if (family, device) not in raws:
        one = raws[(family, device)] = socket.socket(family, socket.SOCK_RAW, 255)
        one.setsockopt(1, 36, mark)
        try: one.setsockopt(1, 32, 8 << 20)
        except OSError: one.setsockopt(1, 7, 8 << 20)
        try: one.setsockopt(1, 62, device)
        except OSError: pass
    return raws[(family, device)]
def send_on(packet, device):
    family = 2 if packet[0] >> 4 == 4 else 10
    one = raw(family, device)
    at, rest = (packet[16:20], ()) if family == 2 else (packet[24:40], (0, device))
    try: one.sendto(packet, socket.MSG_DONTWAIT, (socket.inet_ntop(family, at), 0) + rest)
    except OSError: pass
def kernel(batch):
    try: netlink.send(batch)
    except OSError: pass
def whole(data):
    view = memoryview(data)
    while len(view): view = view[os.write(1, view):]
poll = select.poll()
poll.register(0, select.POLLIN | select.POLLHUP)
poll.register(netlink, select.POLLIN)
kept = b''
while True:
    for fd, _ in poll.poll():
        if fd != 0:
            out = bytearray()
            while len(out) < 262144:
                try: message = netlink.recv(131072, socket.MSG_DONTWAIT)
                except OSError: break
                out += message + bytes(-len(message) & 3)
            whole(out)
            continue
        got = os.read(0, 262144)
        if not got: sys.exit(0)
        kept += got
        at, batch = 0, bytearray()
        while len(kept) - at >= 16:
            length, kind, _, size, device = struct.unpack_from('=LHHLL', kept, at)
            if length < 16: sys.exit(1)
            if len(kept) - at < length: break
            if kind == 0xffff: send_on(kept[at + 16:at + 16 + size], device)
            else:
                if len(batch) + length > 65536: kernel(batch); batch = bytearray()
                batch += kept[at:at + length]
            at += length
        if batch: kernel(batch)
        kept = kept[at:]
`;

/** In the order in which they are tried. */
export const relays: readonly Relay[] = [
  { program: 'perl', args: ['-e', perl] },
  { program: 'python3', args: ['-I', '-c', python] },
];
