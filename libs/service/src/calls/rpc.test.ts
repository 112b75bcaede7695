// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Bug, Failed, Refused } from '@strongroom/bytes';
import { RpcClient } from './rpc-client.ts';
import { REQUEST_BYTES_MAX } from './rpc-lines.ts';
import { serveRpc, type RpcVerbs } from './rpc-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-rpc-'));
const path = join(directory, 'rpc.sock');
const errors: string[] = [];
let yielded = 0;
let ended = Promise.withResolvers<void>();
let server: Server;

const VERBS: RpcVerbs<string> = {
  echo: async (args) => args,
  who: async (_, { caller }) => caller,
  nothing: async () => undefined,
  refuse: async () => { throw new Refused('test.refused', 'what', { why: 'why', fix: 'fix' }); },
  fail: async () => { throw new Failed('test.failed', 'what'); },
  bug: async () => { throw new Bug('test.bug', 'what'); },
  crash: async () => { throw new TypeError('unexpected'); },
  wait: (_, { signal }) => new Promise((resolve) => { signal.addEventListener('abort', () => { ended.resolve(); resolve(null); }); }),
  async *count(args) {
    try {
      for (let i = 0; i < (args as { to: number }).to; i += 1) {
        yielded += 1;
        yield { i, padding: 'x'.repeat(1000) };
      }
      return 'end';
    } finally {
      ended.resolve();
    }
  },
};

before(async () => {
  server = createServer((socket) => { void serveRpc(socket, VERBS, { caller: 'peer', onError: (verb) => errors.push(verb) }); });
  await new Promise<void>((resolve) => { server.listen(path, resolve); });
});
after(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

async function withClient(use: (client: RpcClient) => Promise<void>): Promise<void> {
  const client = await RpcClient.connect(path);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

test('a call brings back what the verb returns', () => withClient(async (client) => {
  assert.deepEqual(await client.call('echo', { a: [1, 'ü', null] }), { a: [1, 'ü', null] });
  assert.equal(await client.call('who'), 'peer');
  assert.equal(await client.call('nothing'), null);
  assert.deepEqual(await Promise.all([1, 2, 3].map((n) => client.call('echo', n))), [1, 2, 3]);
}));

test('errors arrive as what they were', () => withClient(async (client) => {
  await assert.rejects(client.call('refuse'), { name: 'Refused', code: 'test.refused', message: 'what', why: 'why', fix: 'fix' });
  await assert.rejects(client.call('fail'), { name: 'Failed', code: 'test.failed' });
  await assert.rejects(client.call('bug'), { name: 'Bug', code: 'test.bug' });
  await assert.rejects(client.call('crash'), { name: 'Bug', code: 'rpc.unexpected', message: 'unexpected' });
  assert.deepEqual(errors, ['fail', 'bug', 'crash']);
  await assert.rejects(client.call('absent'), { name: 'Refused', code: 'rpc.unknown-verb' });
  await assert.rejects(client.call('constructor'), { code: 'rpc.unknown-verb' });
}));

test('a stream brings every item in order, then its result', () => withClient(async (client) => {
  const items = client.stream('count', { to: 3000 });
  let expected = 0;
  for (let next = await items.next(); ; next = await items.next()) {
    if (next.done === true) {
      assert.equal(next.value, 'end');
      break;
    }
    assert.equal((next.value as { i: number }).i, expected);
    expected += 1;
  }
  assert.equal(expected, 3000);
}));

test('a slow taker slows the verb down', () => withClient(async (client) => {
  yielded = 0;
  ended = Promise.withResolvers();
  const items = client.stream('count', { to: 1_000_000 });
  await items.next();
  for (let before = -1; before !== yielded;) {
    before = yielded;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  assert.ok(yielded < 50_000, `${yielded} items were made for one that was taken`);
  await items.return(null);
  await ended.promise;
}));

test('a stream that is left ends at the other side, and the connection goes on', () => withClient(async (client) => {
  ended = Promise.withResolvers();
  for await (const item of client.stream('count', { to: 1_000_000 })) {
    assert.ok(item);
    break;
  }
  await ended.promise;
  assert.equal(await client.call('echo', 1), 1);
}));

test('an aborted signal ends a stream that brings nothing', () => withClient(async (client) => {
  ended = Promise.withResolvers();
  const control = new AbortController();
  setTimeout(() => control.abort(), 10);
  for await (const item of client.stream('wait', {}, control.signal)) assert.fail(`came: ${item}`);
  await ended.promise;
}));

test('a client that goes away ends its calls at the other side', async () => {
  ended = Promise.withResolvers();
  const client = await RpcClient.connect(path);
  const call = client.call('wait');
  const refused = assert.rejects(call, { code: 'rpc.connection-lost' });
  await client.call('echo');
  client.close();
  await Promise.all([refused, ended.promise]);
  await assert.rejects(client.call('echo'), { code: 'rpc.connection-lost' });
});

test('more calls at once than allowed are refused', () => withClient(async (client) => {
  const calls = Array.from({ length: 65 }, () => client.call('wait'));
  for (const call of calls) call.catch(() => undefined);
  await assert.rejects(calls[64]!, { code: 'rpc.too-many-calls' });
}));

for (const [what, bytes, code] of [
  ['no JSON', 'hello\n', 'rpc.malformed'],
  ['no object', '[1]\n', 'rpc.malformed'],
  ['no verb', '{"id":1}\n', 'rpc.malformed'],
  ['no id', '{"verb":"echo"}\n', 'rpc.malformed'],
  ['a line without end', 'x'.repeat(REQUEST_BYTES_MAX + 1), 'rpc.line-too-long'],
] as const) {
  test(`${what}: the peer is told and the connection closed`, async () => {
    const told = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(path, () => { socket.write(bytes); });
      socket.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => resolve(text)).on('error', reject);
    });
    assert.equal((JSON.parse(told) as { error: { code: string } }).error.code, code);
  });
}

test('a socket that is not there is told as such', async () => {
  await assert.rejects(RpcClient.connect(join(directory, 'absent.sock')), { name: 'Failed', code: 'rpc.unreachable', why: 'the socket is not there' });
});

test('a peer that asks without end and reads no answer is cut off', async () => {
  const socket = connect(path);
  const answers: Buffer[] = [];
  const ended = new Promise<void>((resolve) => { socket.on('data', (chunk: Buffer) => answers.push(chunk)).on('error', () => resolve()).on('end', resolve); });
  socket.write('{"id":1,"verb":"none"}\n'.repeat(100_000));
  await ended;
  socket.destroy();
  assert.match(Buffer.concat(answers).toString().trimEnd().split('\n').at(-1)!, /"id":0.*"rpc.unread"/);
});
