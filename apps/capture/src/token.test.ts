// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TOKEN_BYTES_MAX } from '@strongroom/evidence';
import { HOLES_MAX, joined, positionOf } from './audit/position.ts';
import { Serials } from './audit/serials.ts';
import { bootIdOf, checkRoom, CURSOR_CHARACTERS_MAX, decodeToken, encodeToken, fitsToken, type Position } from './token.ts';

const boot = 'c4f591bd-85de-4bf1-b443-196190be7b3b';
const cursor = 's=45f681fbb368418bb8710734136bcbbf;i=2;b=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;m=3e9;t=60a24183cc480;x=6edaa9dd8759f9a7';
const hole = (count: number) => Array.from({ length: count }, (_, index) => ({ from: index * 4, to: index * 4 + 2 }));
const longest = `s=${'f'.repeat(32)};i=${'f'.repeat(16)};b=${'f'.repeat(32)};m=${'f'.repeat(16)};t=${'f'.repeat(16)};x=${'f'.repeat(16)}`;
const fullest = {
  boot, kmsg: Number.MAX_SAFE_INTEGER, audit: { next: 772, missing: hole(HOLES_MAX) }, ebpf: { life: 2n ** 64n - 1n, settled: Number.MAX_SAFE_INTEGER, seen: 2n ** 64n - 1n },
  files: { baseline: 2n ** 64n - 1n, digest: 7n, settled: 4711 }, cursor: longest,
};
const serials = (missing: ReturnType<typeof hole>) => Serials.resume(100, missing, 0);
const refused = (code: string) => ({ name: 'Refused', code });

describe('resume token', () => {
  it('brings back what was put in, with and without each part', () => {
    for (const position of [
      { boot, kmsg: 4711, audit: null, cursor }, { boot, kmsg: 0, audit: null, cursor: null }, { boot, kmsg: null, audit: null, cursor },
      { boot, kmsg: null, audit: { next: 0, missing: [] }, cursor: null },
      { boot, kmsg: Number.MAX_SAFE_INTEGER, audit: { next: 2 ** 32 - 1, missing: hole(HOLES_MAX) }, cursor },
      { ...fullest, audit: { next: 1, missing: hole(5) }, ebpf: { life: 1n, settled: 2 }, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX) },
      fullest, { ...fullest, cursor: longest.replace('b=f', 'b=e') },
    ] satisfies Position[]) {
      const token = encodeToken(position);
      assert.ok(token.length <= TOKEN_BYTES_MAX);
      assert.deepEqual(decodeToken(token), position);
    }
  });

  it('has these bytes', () => {
    assert.equal(encodeToken({ boot, kmsg: 258, audit: null, cursor: 's=1;t=2' }).toString('hex'), '03c4f591bd85de4bf1b443196190be7b3b010000000000000102733d313b743d32');
    const audit = { next: 772, missing: [{ from: 259, to: 260 }] };
    assert.equal(encodeToken({ boot, kmsg: null, audit, cursor: 'a' }).toString('hex'), '03c4f591bd85de4bf1b443196190be7b3b020000030401000001030000010461');
  });

  it('packs a cursor of systemd, and no other', () => {
    const packed = `45f681fbb368418bb8710734136bcbbf0102${'a'.repeat(32)}0203e907060a24183cc480086edaa9dd8759f9a7`;
    assert.equal(encodeToken({ boot, kmsg: null, audit: null, cursor }).toString('hex'), `03c4f591bd85de4bf1b443196190be7b3b20${packed}`);
    const ofThisBoot = cursor.replace('a'.repeat(32), boot.replaceAll('-', ''));
    assert.equal(encodeToken({ boot, kmsg: null, audit: null, cursor: ofThisBoot }).length, encodeToken({ boot, kmsg: null, audit: null, cursor }).length - 16);
    for (const odd of [cursor.toUpperCase(), cursor.replace('i=2', 'i=02'), cursor.replace('m=3e9', 'm=00'), `${cursor};y=1`, cursor.replace('i=2', 'i=0'), cursor.replace('m=3e9', 'm=0'), 's=1']) {
      assert.equal(decodeToken(encodeToken({ boot, kmsg: 1, audit: null, cursor: odd }))!.cursor, odd);
    }
  });

  it('keeps all there is to tell of every origin beside a cursor of systemd', () => {
    assert.equal(longest.length, CURSOR_CHARACTERS_MAX);
    assert.equal(encodeToken(fullest).length, 243);
    assert.deepEqual(decodeToken(encodeToken(fullest)), fullest);
  });

  it('names fewer holes beside another cursor, says so, and leaves out what may be', () => {
    const token = encodeToken({ ...fullest, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX) });
    assert.equal(token.length, TOKEN_BYTES_MAX);
    const { ebpf, audit } = decodeToken(token)!;
    assert.equal(ebpf!.seen, undefined);
    assert.deepEqual(audit, { next: 772, missing: [...hole(4), { from: 16, to: hole(HOLES_MAX).at(-1)!.to }], isJoined: true });
    assert.equal(decodeToken(encodeToken({ ...fullest, audit: null, cursor: 'x'.repeat(CURSOR_CHARACTERS_MAX) }))!.ebpf!.seen, fullest.ebpf.seen);
  });

  it('is found too long at the start, not when there is so much to tell', () => {
    checkRoom();
    assert.throws(() => checkRoom(TOKEN_BYTES_MAX - 1), { name: 'Failed', code: 'capture.token-room' });
  });

  it('says of more holes than it names that the last covers others, until nothing of that is left', () => {
    assert.equal(positionOf(serials(hole(HOLES_MAX)), null)!.isJoined, undefined);
    const first = positionOf(serials(hole(HOLES_MAX + 3)), null)!;
    assert.deepEqual(first.missing.at(-1), { from: (HOLES_MAX - 1) * 4, to: (HOLES_MAX + 2) * 4 + 2 });
    assert.equal(decodeToken(encodeToken({ boot, kmsg: null, audit: first, cursor: null }))!.audit!.isJoined, true);
    assert.equal(positionOf(serials([...first.missing]), first)!.isJoined, true);
    assert.equal(positionOf(serials(first.missing.slice(0, -1)), first)!.isJoined, undefined);
    assert.deepEqual(joined(first, HOLES_MAX), first);
  });

  it('is read as it was written when it could name more holes', () => {
    const missing = hole(8);
    const holes = missing.map(({ from, to }) => from.toString(16).padStart(8, '0') + to.toString(16).padStart(8, '0')).join('');
    assert.deepEqual(decodeToken(Buffer.from(`02c4f591bd85de4bf1b443196190be7b3b020000030408${holes}`, 'hex')), { boot, kmsg: null, audit: { next: 772, missing, isJoined: true }, cursor: null });
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
    assert.throws(() => decodeToken(Buffer.concat([Buffer.from([4]), token.subarray(1)])), refused('capture.token'));
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
