// SPDX-License-Identifier: Apache-2.0
// What the load is made of: RFC 5424 messages such as a fleet of servers sends, about 240 octets in the mean. Users,
// addresses, ids, sizes and times vary from line to line, because a compressor makes nothing of one line repeated.
import { seeded, type Random } from './random.ts';

const HOSTS = Array.from({ length: 48 }, (_, index) => `${['web', 'app', 'db', 'cache', 'bastion', 'k8s-node'][index % 6]}-${String(1 + (index / 6 | 0)).padStart(2, '0')}.prod.example.com`);
const USERS = ['root', 'deploy', 'postgres', 'backup', 'a.weber', 'm.okafor', 'j.lindqvist', 's.tanaka', 'p.moreau', 'svc-ci', 'svc-billing', 'oracle', 'nagios', 'guest', 'ubuntu', 'admin'];
const PATHS = ['/api/v2/orders', '/api/v2/orders/items', '/login', '/api/v1/invoices', '/static/app.4f1c.js', '/healthz', '/api/v2/customers', '/oauth/token', '/admin/users', '/export/report.csv'];
const AGENTS = ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0)', 'curl/8.5.0', 'okhttp/4.12.0', 'python-requests/2.32.3', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)'];
const TABLES = ['orders', 'customers', 'invoices', 'sessions', 'audit_trail', 'stock_movements'];
const COMMANDS = ['/usr/bin/systemctl restart nginx', '/usr/bin/apt-get -y upgrade', '/usr/bin/tail -n 200 /var/log/auth.log', '/usr/sbin/visudo -c', '/usr/bin/cat /etc/shadow', '/usr/local/bin/rotate-keys --all'];
/** Clients, keys and customers return: most of what varies in real lines was seen before. */
const POPULATION = seeded(7);
const ADDRESSES = Array.from({ length: 4000 }, () => `${POPULATION.pick(['10', '172', '192', '203'])}.${POPULATION.below(256)}.${POPULATION.below(256)}.${1 + POPULATION.below(254)}`);
const FINGERPRINTS = Array.from({ length: 400 }, () => Buffer.from(POPULATION.hex(64), 'hex').toString('base64').slice(0, 43));
const START_MS = Date.UTC(2026, 2, 4, 8, 0, 0);

const address = (r: Random): string => r.pick(ADDRESSES);
const uuid = (r: Random): string => `${r.hex(8)}-${r.hex(4)}-4${r.hex(3)}-a${r.hex(3)}-${r.hex(12)}`;

/** Each: how often, facility × 8 + severity, program, message id, and structured data with text. */
const KINDS: readonly (readonly [weight: number, priority: number, program: string, id: string, body: (r: Random) => string])[] = [
  [5, 38, 'sshd', 'AUTH', (r) => `[auth@32473 method="publickey" session="${uuid(r)}"] Accepted publickey for ${r.pick(USERS)} from ${address(r)} port ${1024 + r.below(64_000)} ssh2: ED25519 SHA256:${r.pick(FINGERPRINTS)}`],
  [4, 36, 'sshd', 'AUTH', (r) => `[auth@32473 method="password" attempt="${1 + r.below(6)}" session="${uuid(r)}"] Failed password for ${r.pick(['', 'invalid user '])}${r.pick(USERS)} from ${address(r)} port ${1024 + r.below(64_000)} ssh2`],
  [2, 85, 'sudo', 'CMD', (r) => `- ${r.pick(USERS)} : TTY=pts/${r.below(12)} ; PWD=/home/${r.pick(USERS)} ; USER=root ; TSID=${r.hex(6).toUpperCase()} ; COMMAND=${r.pick(COMMANDS)} --request ${uuid(r)}`],
  [8, 190, 'nginx', 'ACCESS', (r) => `- ${address(r)} - ${r.pick(USERS)} "${r.pick(['GET', 'GET', 'POST', 'PUT'])} ${r.pick(PATHS)}?id=${r.below(10_000_000)} HTTP/2.0" ${r.pick([200, 200, 200, 201, 304, 401, 403, 404, 500])} ${r.below(90_000)} "${r.pick(AGENTS)}" rt=0.${String(r.below(1000)).padStart(3, '0')} trace=${r.hex(16)}`],
  [4, 134, 'postgres', 'STMT', (r) => `[db@32473 database="shop" user="${r.pick(USERS)}" client="${address(r)}"] duration: ${r.below(900)}.${r.below(1000)} ms execute S_${r.below(40)}: UPDATE ${r.pick(TABLES)} SET state = $1 WHERE id = '${uuid(r)}'`],
  [5, 142, 'orders', 'EVENT', (r) => `[trace@32473 trace="${r.hex(32)}" span="${r.hex(16)}"] {"event":"order.${r.pick(['placed', 'paid', 'shipped', 'refunded'])}","customer":${r.below(4_000_000)},"amount":"${r.below(2000)}.${r.below(100)}","currency":"EUR"}`],
  [3, 4, 'kernel', '-', (r) => `- [${r.below(4_000_000)}.${r.below(1_000_000)}] DROP IN=eth0 OUT= SRC=${address(r)} DST=${address(r)} LEN=${40 + r.below(1400)} TTL=${32 + r.below(96)} ID=${r.below(65_536)} PROTO=TCP SPT=${r.below(65_536)} DPT=${r.pick([22, 23, 80, 443, 3389, 5432])} WINDOW=${r.below(65_536)} SYN`],
];
const WHEEL = KINDS.flatMap((kind) => Array.from({ length: kind[0] }, () => kind));

/** `count` messages as text of ASCII, the same ones for the same seed. */
export function makeEvents(count: number, seed = 1): string[] {
  const r = seeded(seed);
  let microseconds = 0;
  return Array.from({ length: count }, () => {
    const [, priority, program, id, body] = r.pick(WHEEL);
    microseconds += r.below(900);
    const time = `${new Date(START_MS + microseconds / 1000).toISOString().slice(0, -1)}${String(microseconds % 1000).padStart(3, '0')}Z`;
    return `<${priority}>1 ${time} ${r.pick(HOSTS)} ${program} ${r.below(60_000)} ${id} ${body(r)}`;
  });
}

/** Whole octet-counted frames (RFC 5425 section 4.3), end to end. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly events: number;
}

/** The messages in frames, in chunks of at most `bytesMax` octets. */
export function framed(messages: readonly string[], bytesMax: number): Chunk[] {
  const chunks: Chunk[] = [];
  let frames: string[] = [];
  let size = 0;
  const flush = (): void => {
    if (frames.length > 0) chunks.push({ bytes: Buffer.from(frames.join(''), 'latin1'), events: frames.length });
    frames = [];
    size = 0;
  };
  for (const message of messages) {
    const frame = `${message.length} ${message}`;
    if (size + frame.length > bytesMax) flush();
    frames.push(frame);
    size += frame.length;
  }
  flush();
  return chunks;
}

/** Exactly the first `events` frames of a chunk. */
export function firstFrames({ bytes, events: present }: Chunk, events: number): Chunk {
  if (events >= present) return { bytes, events: present };
  let at = 0;
  for (let i = 0; i < events; i += 1) {
    const space = bytes.indexOf(0x20, at);
    at = space + 1 + Number(bytes.toString('latin1', at, space));
  }
  return { bytes: bytes.subarray(0, at), events };
}
