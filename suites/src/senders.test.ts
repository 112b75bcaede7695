// SPDX-License-Identifier: Apache-2.0
// Senders as administrators have them: loggen, logger, syslog-ng. What each sent is found, byte for byte and in order.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Item } from '@strongroom/evidence';
import { startAppliance, SyslogNg, syslogNgMissing, unpackedSyslogNg, type Appliance } from '@strongroom/testing';
import { Tunnel } from './tunnel.ts';

const run = promisify(execFile);
const LINES = 500;
/** So many that fit a socket's default buffer even when nobody reads: UDP has no back-pressure. */
const DATAGRAMS = 100;
const MESSAGES = 10_000;
const LOGGEN_CONNECTIONS = 4;
const LOGGEN_BYTES = 300;
const POLL_MS = 500;
/** Only so that what never comes ends the test. */
const POLLS_MAX = 600;
const PLAIN = 'plain-127.0.0.1';
const withoutSyslogNg = syslogNgMissing() ?? false;

type Framing = (raw: string) => string;
const counted: Framing = (raw) => `${Buffer.byteLength(raw)} ${raw}`;
const byLine: Framing = (raw) => `${raw}\n`;

/** Sends {@link MESSAGES}, divided over its connections. */
async function loggen(port: number, ...options: string[]): Promise<void> {
  const { loggen: program, environment } = unpackedSyslogNg();
  await run(program, [
    '--inet', '--stream', '--quiet', ...options, `--size=${LOGGEN_BYTES}`, '--rate=1000000', '--permanent',
    `--number=${MESSAGES / LOGGEN_CONNECTIONS}`, `--active-connections=${LOGGEN_CONNECTIONS}`, '127.0.0.1', `${port}`,
  ], { env: environment });
}

describe('senders', () => {
  let appliance: Appliance;
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-senders-'));
  const linesFile = join(directory, 'lines');
  const lines = Array.from({ length: LINES }, (_, i) => `line ${i} of müller: ${'é'.repeat(i % 50)} <134> 9 ${'x'.repeat(i % 300)}`);

  before(async () => {
    writeFileSync(linesFile, lines.map(byLine).join(''));
    const plain = { enabled: true, address: '127.0.0.1', port: 0 };
    appliance = await startAppliance({ config: { gateway: { listeners: { syslogTcp: plain, syslogUdp: plain } } } });
  });
  after(async () => {
    await appliance.stop();
    rmSync(directory, { recursive: true });
  });

  async function search(...query: string[]): Promise<Item[]> {
    const { code, stdout, stderr } = await appliance.cli('search', ...query, '-o', 'jsonl');
    assert.equal(code, 0, stderr);
    return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Item);
  }

  /** Polls until `enough`; what there is when that never comes. */
  async function searchUntil(enough: (items: readonly Item[]) => boolean, ...query: string[]): Promise<Item[]> {
    for (let polls = 1; ; polls += 1) {
      const items = await search(...query);
      if (enough(items) || polls === POLLS_MAX) return items;
      await delay(POLL_MS);
    }
  }

  /** All that went through the tunnel is found as it passed, and each of its connections has its end record. */
  async function assertFound(tunnel: Tunnel, source: string, connections: number, records: number, framing: Framing): Promise<Item[]> {
    const isOurs = ({ peer }: Item): boolean => tunnel.passed.has(peer);
    const ends = await searchUntil((items) => items.filter(isOurs).length >= connections, '--source', source, '--kind', 'end');
    const items = (await search('--source', source, '--kind', 'data')).filter(isOurs);
    assert.equal(items.length, records);
    const found = new Map(ends.filter(isOurs).map(({ peer, stream }) => [peer, items.filter((item) => item.stream === stream)]));
    assert.equal(found.size, connections);
    for (const [peer, passed] of tunnel.passed) {
      const stream = found.get(peer)!;
      assert.deepEqual(stream.map(({ sequence }) => sequence), stream.map((_, i) => i));
      const bytes = Buffer.from(stream.map(({ raw }) => framing(raw!)).join(''));
      assert.ok(bytes.equals(Buffer.concat(passed)), `what ${peer} sent is not what was found`);
    }
    return items;
  }

  /** The receipt says by what transport a record came, and whether that can lose some. */
  async function assertTransport({ id }: Item, protocol: string, unreliable: boolean): Promise<void> {
    const { stdout } = await appliance.cli('show', id, '-o', 'json');
    const shown = JSON.parse(stdout) as { protocol: string; receipt: { unreliable: boolean; sourceKey: string | null } };
    assert.equal(shown.protocol, protocol);
    assert.equal(shown.receipt.unreliable, unreliable);
    assert.equal(shown.receipt.sourceKey === null, unreliable, 'only a sender with a certificate has a key');
  }

  it('loggen, by lines over plain TCP', { skip: withoutSyslogNg }, async () => {
    await using tunnel = await Tunnel.to(appliance.addresses['syslog-tcp']!);
    await loggen(tunnel.port);
    const [first] = await assertFound(tunnel, PLAIN, LOGGEN_CONNECTIONS, MESSAGES, byLine);
    await assertTransport(first!, 'syslog-tcp', true);
  });

  it('loggen, octet-counted over TLS with a certificate', { skip: withoutSyslogNg }, async () => {
    // loggen speaks TLS but shows no certificate: the tunnel has it.
    await using tunnel = await Tunnel.to(appliance.addresses['syslog-tls']!, await appliance.enrol('loggen-01'));
    await loggen(tunnel.port, '--syslog-proto');
    const [first] = await assertFound(tunnel, 'loggen-01', LOGGEN_CONNECTIONS, MESSAGES, counted);
    await assertTransport(first!, 'syslog-tls', false);
  });

  for (const [what, options, framing] of [
    ['by lines', [], byLine], ['octet-counted', ['--octet-count'], counted],
  ] as const) {
    it(`logger --rfc5424, ${what} over TCP`, async () => {
      await using tunnel = await Tunnel.to(appliance.addresses['syslog-tcp']!);
      const server = ['--server', '127.0.0.1', '--port', `${tunnel.port}`];
      await run('logger', ['--rfc5424', '--tcp', ...options, ...server, '--tag', 'suite', '--file', linesFile]);
      const items = await assertFound(tunnel, PLAIN, 1, LINES, framing);
      assert.deepEqual(items.map(({ raw }) => /^<13>1 \S+ \S+ suite - - \[[^\]]*\] (.*)$/s.exec(raw!)?.[1]), lines);
      await assertTransport(items[0]!, 'syslog-tcp', true);
    });
  }

  it('logger --rfc5424, over UDP', async () => {
    const sent = lines.slice(0, DATAGRAMS);
    const server = ['--server', '127.0.0.1', '--port', appliance.addresses['syslog-udp']!.split(':').at(-1)!];
    const sending = run('logger', ['--rfc5424=notime,nohost', '--udp', ...server, '--tag', 'suite']);
    sending.child.stdin!.end(sent.map(byLine).join(''));
    await sending;
    const items = await searchUntil(({ length }) => length >= DATAGRAMS, '--source', PLAIN, '--protocol', 'syslog-udp', '--kind', 'data');
    assert.deepEqual(items.map(({ raw }) => raw), sent.map((line) => `<13>1 - - suite - - - ${line}`));
    assert.deepEqual(items.map(({ sequence }) => sequence), sent.map((_, i) => i));
    assert.equal(new Set(items.map(({ stream }) => stream)).size, 1);
    await assertTransport(items[0]!, 'syslog-udp', true);
  });

  /**
   * syslog-ng notices a dead connection only when it writes to it, and what it wrote then is lost: RFC 5425 knows no
   * acknowledgement. So it is given something to write until that arrives.
   */
  async function reconnected(peer: SyslogNg, source: string): Promise<void> {
    const query = ['anybody there', '--source', source] as const;
    for (let i = 0; (await search(...query)).length === 0; i += 1) {
      assert.ok(i < POLLS_MAX, peer.output);
      peer.write([`anybody there ${i}`]);
      await delay(POLL_MS);
    }
  }

  it('syslog-ng, as enrolled; a kill of the gateway leaves a gap that names its stream, and it goes on', { skip: withoutSyslogNg }, async () => {
    const source = 'syslog-ng-01';
    const peer = new SyslogNg(join(directory, source), join(await appliance.enrol(source), 'syslog-ng.conf'));
    const sent = Array.from({ length: MESSAGES + LINES }, (_, i) => `${source} ${i} ${'y'.repeat(i % 200)}`);
    const untilFound = async (count: number): Promise<Item[]> => {
      const items = await searchUntil(({ length }) => length >= count, `${source} `, '--source', source, '--kind', 'data');
      const texts = items.map(({ raw }) => /^<13>1 \S+ \S+ - - - \[[^\]]*\] (.*)\n$/s.exec(raw!)?.[1] ?? `unexpected: ${raw}`);
      assert.deepEqual(texts, sent.slice(0, count), peer.output);
      return items;
    };
    peer.start();
    try {
      peer.write(sent.slice(0, MESSAGES));
      const before = await untilFound(MESSAGES);
      const { stream } = before[0]!;
      assert.ok(before.every((item, i) => item.stream === stream && item.sequence === i && item.protocol === 'syslog-tls'));
      await appliance.kill('gateway');
      await appliance.until(({ services }) => services.every(({ state }) => state === 'running'), 'the gateway to be back');
      const [gap] = await searchUntil(({ length }) => length > 0, stream, '--kind', 'gap');
      assert.deepEqual(JSON.parse(gap?.raw ?? '{}'), {
        event: 'vault.stream-gap', level: 'warn', source: before[0]!.source, stream,
        expected: MESSAGES, found: null, reason: 'ended without an end record',
      });
      await reconnected(peer, source);
      peer.write(sent.slice(MESSAGES));
      const after = (await untilFound(MESSAGES + LINES)).slice(MESSAGES);
      assert.ok(after.every((item, i) => item.stream !== stream && item.stream === after[0]!.stream && item.sequence === after[0]!.sequence + i));
    } finally {
      await peer.stop();
    }
  });

  it('leave a store that verifies, and no gap of a stream that ended in order', async () => {
    const { code, stdout } = await appliance.cli('verify', '-o', 'json');
    assert.equal(code, 0, stdout);
    const ended = new Set((await search('--kind', 'end')).map(({ stream }) => stream));
    const gaps = (await search('--kind', 'gap')).map(({ raw }) => JSON.parse(raw!) as { source: string; stream: string });
    assert.deepEqual(gaps.filter(({ stream }) => ended.has(stream)), [], 'what ended in order has no gap');
    // Beside it, open when the gateway was killed: the stream of datagrams, and the gateway's own events.
    const others = gaps.filter(({ source }) => !/\/(service\/gateway|source\/plain-127\.0\.0\.1)$/.test(source));
    assert.equal(others.length, withoutSyslogNg === false ? 1 : 0, JSON.stringify(gaps));
  });
});
