// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vectors from '../vectors/receipt.json' with { type: 'json' };
import { contextDigest, contextParts, decodeContext, encodeContext, type Context, type RunKind } from './receipt.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

function contextOf({ fullLength, fullHash, ...of }: (typeof vectors.vectors)[number]['context']): Context {
  const context = {
    ...of, kind: of.kind as RunKind, receivedAt: BigInt(of.receivedAt), bound: BigInt(of.bound), admittedAt: BigInt(of.admittedAt),
    instance: bytes(of.instance), sourceKey: bytes(of.sourceKey), stream: bytes(of.stream),
  };
  return fullLength === undefined ? context : { ...context, cut: { fullLength: BigInt(fullLength), fullHash: bytes(fullHash) } };
}

for (const { name, context, hex, digest } of vectors.vectors) {
  test(`a context is written and read: ${name}`, () => {
    assert.equal(encodeContext(contextOf(context)).toString('hex'), hex);
    assert.deepEqual(decodeContext(bytes(hex)), contextOf(context));
    assert.equal(contextDigest(bytes(hex)).toString('hex'), digest);
    const { kind, source, protocol, stream } = contextParts(bytes(hex));
    assert.deepEqual({ kind, source: source.toString(), protocol: protocol.toString(), stream: stream.toString('hex') }, { kind: context.kind, source: context.source, protocol: context.protocol, stream: context.stream });
  });
}

for (const { name, code, hex } of vectors.refused) {
  test(`a context is refused: ${name}`, () => {
    assert.throws(() => decodeContext(bytes(hex)), { name: 'Refused', code });
  });
}

test('a context that could not be read again is not written', () => {
  const [data, cut] = vectors.vectors.map((vector) => contextOf(vector.context));
  assert.throws(() => encodeContext({ ...data!, cut: cut!.cut! }), { name: 'Bug', code: 'receipt.cut' });
  assert.throws(() => encodeContext({ ...data!, kind: 1 }), { name: 'Bug', code: 'receipt.cut' });
});
