// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import vectors from '../../vectors/witness.json' with { type: 'json' };
import { vkeyLine } from '../note.ts';
import { cosignerVkey } from './cosignature.ts';
import { isQuorum, parsePolicy } from './policy.ts';

function spki(): Buffer {
  return generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' });
}
const witnesses = (...names: string[]): string => names.map((name) => `witness ${name} ${cosignerVkey(`${name.replaceAll(/[^a-z0-9]/gi, '')}.example/w`, spki())}\n`).join('');
const policy = (text: string) => parsePolicy(Buffer.from(text));

test('the policy of the vectors is read', () => {
  const read = policy(vectors.policy);
  assert.deepEqual(read.logs.map(({ key, url }) => [key.name, url]), [['example.com/strongroom', 'https://log.example']]);
  assert.deepEqual(read.witnesses.map(({ name, url }) => [name, url]), [['w1', 'http://w1.example:7380'], ['w2', null]]);
  assert.deepEqual([isQuorum(read, new Set(['w1'])), isQuorum(read, new Set(['w1', 'w2']))], [false, true]);
});

test('the quorum of the specification: two of three, and any of three others', () => {
  const read = policy(`${witnesses('X1', 'X2', 'X3')}group X 2 X1 X2 X3\n${witnesses('Y1', 'Y2', 'Y3')}group Y any Y1 Y2 Y3\ngroup X-and-Y all X Y\nquorum X-and-Y\n`);
  const holds = (...names: string[]): boolean => isQuorum(read, new Set(names));
  assert.deepEqual([holds('X1', 'X3', 'Y2'), holds('X1', 'X2', 'X3'), holds('X1', 'Y1', 'Y2', 'Y3'), holds()], [true, false, false, false]);
});

test('a quorum may be one witness, or none at all', () => {
  assert.deepEqual([['w'], []].map((names) => isQuorum(policy(`${witnesses('w')}quorum w\n`), new Set(names))), [true, false]);
  assert.equal(isQuorum(policy('quorum none\n'), new Set()), true);
});

test('names are octets: any but spaces, and what looks alike is not the same', () => {
  const read = policy(`${witnesses('K', '\u212a', 'prüfer')}group g any K \u212a prüfer\nquorum g`);
  assert.equal(read.witnesses.length, 3);
});

test('comments, empty lines, tabs and spaces around are nothing', () => {
  assert.equal(policy(`\n# quorum x\n \t# more\n\t ${witnesses('w')}\n quorum\t w \t\n\n`).witnesses.length, 1);
});

const same = cosignerVkey('a/b', spki());
const log = vkeyLine('l.example/log', spki());
const REFUSED: readonly [name: string, text: string, code: string][] = [
  ['nothing', '', 'policy.quorum'],
  ['no quorum', witnesses('w'), 'policy.quorum'],
  ['two quorums', `${witnesses('w')}quorum w\nquorum w\n`, 'policy.quorum'],
  ['a quorum before its name', `quorum w\n${witnesses('w')}`, 'policy.name'],
  ['a group before its member', `group g any w\n${witnesses('w')}quorum g\n`, 'policy.name'],
  ['a group of itself', `group g any g\nquorum g\n`, 'policy.name'],
  ['none as a member', `${witnesses('w')}group g any none\nquorum g\n`, 'policy.name'],
  ['none as a name', `witness none ${same}\nquorum none\n`, 'policy.name'],
  ['a member twice in one group', `${witnesses('w')}group g all w w\nquorum g\n`, 'policy.duplicate'],
  ['a member of two groups', `${witnesses('w', 'v')}group g any w\ngroup h any w v\nquorum h\n`, 'policy.duplicate'],
  ['a name twice', `${witnesses('w', 'w')}quorum w\n`, 'policy.duplicate'],
  ['a group named like a witness', `${witnesses('w')}group w any w\nquorum w\n`, 'policy.duplicate'],
  ['a witness twice under two names', `witness a ${same}\nwitness b ${same}\nquorum a\n`, 'policy.duplicate'],
  ['a log twice', `log ${log}\nlog ${log} http://x\nquorum none\n`, 'policy.duplicate'],
  ['a threshold of zero', `${witnesses('w')}group g 0 w\nquorum g\n`, 'policy.syntax'],
  ['a threshold above the members', `${witnesses('w')}group g 2 w\nquorum g\n`, 'policy.syntax'],
  ['a threshold with a leading zero', `${witnesses('w')}group g 01 w\nquorum g\n`, 'policy.syntax'],
  ['an empty group', `group g any\nquorum g\n`, 'policy.syntax'],
  ['an unknown word', 'qorum none\n', 'policy.syntax'],
  ['a carriage return', 'quorum none\r\n', 'policy.syntax'],
  ['a log’s key for a witness', `witness w ${log}\nquorum w\n`, 'policy.key'],
  ['a key that is none', 'witness w x+00000000+AA==\nquorum w\n', 'policy.key'],
  ['an address that is none', `witness w ${same} w.example:7380\nquorum w\n`, 'policy.syntax'],
  ['words too many', `witness w ${same} http://a b\nquorum w\n`, 'policy.syntax'],
  ['far too many witnesses', `${witnesses(...Array.from({ length: 65 }, (_, i) => `w${i}`))}quorum w1\n`, 'policy.syntax'],
  ['far too many groups', `${witnesses(...Array.from({ length: 60 }, (_, i) => `w${i}`))}${Array.from({ length: 65 }, (_, i) => `group g${i} any ${i < 60 ? `w${i}` : `g${i - 60}`}\n`).join('')}quorum g1\n`, 'policy.syntax'],
  ['far too much text', `#${'x'.repeat(65_536)}\nquorum none\n`, 'policy.too-large'],
];
for (const [name, text, code] of REFUSED) {
  test(`refused: ${name}`, () => assert.throws(() => policy(text), { name: 'Refused', code }));
}

test('an error names its line', () => {
  assert.throws(() => policy(`# one\n${witnesses('w')}quorum v\n`), { message: /^line 3: / });
});
