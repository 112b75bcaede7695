// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Refused } from '@strongroom/bytes';
import { Frames, ReaderLine } from './line.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-line-'));
after(() => rmSync(directory, { recursive: true }));

function frame(kind: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(payload.length + 1);
  prefix[4] = kind;
  return Buffer.concat([prefix, payload]);
}
const texts = (frames: Iterable<{ kind: number; payload: Buffer }>): string[] => [...frames].map(({ kind, payload }) => `${kind}:${payload.toString()}`);

describe('frames of a reader', () => {
  it('are the same however the octets are cut', () => {
    const all = Buffer.concat([frame(1, 'one'), frame(2, ''), frame(255, 'x'.repeat(3000))]);
    const whole = texts(new Frames().push(all));
    assert.deepEqual(whole, ['1:one', '2:', `255:${'x'.repeat(3000)}`]);
    for (const cut of [1, 2, 3, 4, 5, 7, 1000]) {
      const frames = new Frames();
      const found: string[] = [];
      for (let at = 0; at < all.length; at += cut) found.push(...texts(frames.push(all.subarray(at, at + cut))));
      assert.deepEqual(found, whole);
    }
  });

  it('are refused when they announce nothing, or too much', () => {
    for (const length of [0, 8 * 1024 * 1024 + 1, 0xffff_ffff]) {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32BE(length);
      assert.throws(() => [...new Frames().push(prefix)], { code: 'reader.frame-length' });
    }
  });
});

const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await delay(2); };

describe('line of a reader', () => {
  let number = 0;
  const cleanups: (() => void)[] = [];
  afterEach(() => { for (const cleanup of cleanups.splice(0)) cleanup(); });

  async function open() {
    const path = join(directory, `${(number += 1)}.sock`);
    const heard: string[] = [];
    let go: (() => void) | null = null;
    const hooks = {
      frame: (kind: number, payload: Buffer): void => {
        if (kind === 9) throw new Refused('audit.frame', 'never');
        heard.push(`${kind}:${payload.length > 20 ? payload.length : payload.toString()}`);
      },
      ready: (): Promise<void> => (hold.on ? new Promise((resolve) => { go = resolve; }) : Promise.resolve()),
      gone: (_: string, refused: Refused | null): void => { heard.push(`gone:${refused?.code ?? ''}`); },
      second: (): void => { heard.push('second'); },
    };
    const hold = { on: false, release: (): void => { hold.on = false; go?.(); } };
    const line = new ReaderLine(path, hooks);
    await line.listen();
    cleanups.push(() => line.close());
    return { path, heard, line, hold };
  }

  async function dial(path: string): Promise<Socket> {
    const socket = connect(path);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    cleanups.push(() => socket.destroy());
    return socket;
  }

  it('takes one reader at a time, the next when that is gone, and is for owner and group alone', async () => {
    const { path, heard, line } = await open();
    assert.equal(statSync(path).mode & 0o777, 0o660);
    const first = await dial(path);
    first.write(frame(1, 'a'));
    await until(() => heard.includes('1:a'));
    await dial(path);
    await until(() => heard.includes('second'));
    assert.equal(line.connected, true);
    first.end();
    await until(() => heard.includes('gone:'));
    (await dial(path)).write(frame(1, 'b'));
    await until(() => heard.includes('1:b'));
  });

  it('is ended when a frame is none', async () => {
    const { path, heard } = await open();
    const socket = await dial(path);
    socket.write(frame(9, ''));
    await once(socket, 'close');
    await until(() => heard.length > 0);
    assert.deepEqual(heard, ['gone:audit.frame']);
  });

  it('reads nothing while nothing can be taken', async () => {
    const { path, heard, hold } = await open();
    hold.on = true;
    const socket = await dial(path);
    const one = frame(2, 'x'.repeat(100_000));
    let sent = 0;
    while (socket.write(one) || socket.writableLength < 1_000_000) {
      sent += 1;
      await delay(0);
    }
    await delay(50);
    assert.ok(socket.writableLength > 0, 'the sender waits');
    const before = heard.length;
    assert.ok(before < sent);
    hold.release();
    await until(() => heard.length >= sent + 1);
  });
});
