// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TOKEN_BYTES_MAX } from '@strongroom/evidence';
import { MISSING_MAX } from './audit/position.ts';
import { bootIdOf, CURSOR_CHARACTERS_MAX, decodeToken, encodeToken, fitsToken } from './token.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const cursor = 's=45f681fbb368418bb8710734136bcbbf;i=2;b=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;m=3e9;t=60a24183cc480;x=6edaa9dd8759f9a7';
const hole = (count: number) => Array.from({ length: count }, (_, index) => ({ from: index * 4, to: index * 4 + 2 }));
const refused = (code: string) => ({ name: 'Refused', code });

describe('resume token', () => {
  it('brings back what was put in, with and without each part', () => {
    for (const position of [
      { boot, kmsg: 4711, audit: null, cursor }, { boot, kmsg: 0, audit: null, cursor: null }, { boot, kmsg: null, audit: null, cursor },
      { boot, kmsg: null, audit: { next: 0, missing: [] }, cursor: null },
      { boot, kmsg: Number.MAX_SAFE_INTEGER, audit: { next: 2 ** 32 - 1, missing: hole(MISSING_MAX) }, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX) },
      {
        boot, kmsg: 1, audit: { next: 1, missing: hole(MISSING_MAX) }, ebpf: { life: 2n ** 64n - 1n, settled: Number.MAX_SAFE_INTEGER },
        files: { baseline: 2n ** 64n - 1n, digest: 7n, settled: 4711 }, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX),
      },
    ]) {
      const token = encodeToken(position);
      assert.ok(token.length <= TOKEN_BYTES_MAX);
      assert.deepEqual(decodeToken(token), position);
    }
  });

  it('has these bytes', () => {
    assert.equal(encodeToken({ boot, kmsg: 258, audit: null, cursor: 's=1;t=2' }).toString('hex'), '02c4f591bd85de4bf1b443196190be7b3b010000000000000102733d313b743d32');
    const audit = { next: 772, missing: [{ from: 259, to: 260 }] };
    assert.equal(encodeToken({ boot, kmsg: null, audit, cursor: 'a' }).toString('hex'), '02c4f591bd85de4bf1b443196190be7b3b020000030401000001030000010461');
  });

  it('has room for the longest cursor of systemd', () => assert.ok(CURSOR_CHARACTERS_MAX >= 145));

  it('says up to when the probe told everything, where there is room for that', () => {
    const position = { boot, kmsg: 1, audit: { next: 1, missing: hole(2) }, ebpf: { life: 5n, settled: 6, seen: 7n }, files: { baseline: 1n, digest: 2n, settled: 3 }, cursor };
    assert.deepEqual(decodeToken(encodeToken(position)), position);
    const full = { ...position, audit: { next: 1, missing: hole(MISSING_MAX) }, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX) };
    const { seen: _, ...without } = position.ebpf;
    assert.deepEqual(decodeToken(encodeToken(full)), { ...full, ebpf: without });
    const fits = { ...full, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX - 8) };
    assert.deepEqual(decodeToken(encodeToken(fits)), fits);
    assert.ok(encodeToken(fits).length <= TOKEN_BYTES_MAX);
  });

  it('is read as it was written when it could name more holes', () => {
    const missing = hole(8);
    const holes = missing.map(({ from, to }) => from.toString(16).padStart(8, '0') + to.toString(16).padStart(8, '0')).join('');
    assert.deepEqual(decodeToken(Buffer.from(`02c4f591bd85de4bf1b443196190be7b3b020000030408${holes}`, 'hex')), { boot, kmsg: null, audit: { next: 772, missing }, cursor: null });
  });

  it('is read as it was written before there was audit', () => {
    const token = Buffer.from('01c4f591bd85de4bf1b443196190be7b3b010000000000000102733d313b743d32', 'hex');
    assert.deepEqual(decodeToken(token), { boot, kmsg: 258, audit: null, cursor: 's=1;t=2' });
    token[17] = 2;
    assert.throws(() => decodeToken(token), refused('capture.token'));
  });

  it('is nothing when the vault has none', () => assert.equal(decodeToken(Buffer.alloc(0)), null));

  it('is refused when another version wrote it, when it is cut short, and when its cursor is no text', () => {
    const token = encodeToken({ boot, kmsg: 1, audit: null, cursor });
    assert.throws(() => decodeToken(Buffer.concat([Buffer.from([3]), token.subarray(1)])), refused('capture.token'));
    assert.throws(() => decodeToken(token.subarray(0, 20)), refused('bytes.truncated'));
    assert.throws(() => decodeToken(Buffer.concat([token, Buffer.from([0])])), refused('capture.token'));
    assert.throws(() => decodeToken(Buffer.from(token).fill(7, 17, 18)), refused('capture.token'));
  });

  it('takes no cursor that is empty, too long or not printable', () => {
    assert.deepEqual(['', 'x'.repeat(CURSOR_CHARACTERS_MAX + 1), 'a b', 'é', cursor].map(fitsToken), [false, false, false, false, true]);
  });
});

describe('boot id', () => {
  it('is spelled as the kernel does', () => {
    assert.equal(bootIdOf(`${boot}\n`), boot);
    assert.equal(bootIdOf(boot.replaceAll('-', '')), boot);
  });

  it('is refused when it is none', () => assert.throws(() => bootIdOf('c4f591bd'), refused('capture.boot-id')));
});
