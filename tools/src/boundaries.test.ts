// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkBoundaries } from './boundaries.ts';

const lib = (name: string, dependencies: readonly string[] = []): string =>
  JSON.stringify({
    name: `@strongroom/${name}`,
    exports: { '.': './src/index.ts' },
    dependencies: Object.fromEntries(dependencies.map((one) => [one, '0.1.0'])),
  });

const sound: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ workspaces: ['apps/*', 'libs/*', 'tools'] }),
  'libs/bytes/package.json': lib('bytes'),
  'libs/bytes/src/index.ts': `export * from './reader.ts';`,
  'libs/bytes/src/reader.ts': `import { createHash } from 'node:crypto'; export const a = createHash;`,
  'libs/bytes/src/reader.test.ts': `import { readFileSync } from 'node:fs'; import '@strongroom/testing';`,
  'libs/evidence/package.json': lib('evidence', ['@strongroom/bytes']),
  'libs/evidence/src/index.ts': `import type { A } from '@strongroom/bytes'; export type B = A;`,
  'libs/wire/package.json': lib('wire', ['@strongroom/bytes']),
  'libs/wire/src/index.ts': `export { a } from '@strongroom/bytes';`,
  'libs/testing/package.json': lib('testing', ['@strongroom/bytes']),
  'libs/testing/src/index.ts': `import '@strongroom/bytes';`,
  'apps/vault/package.json': lib('app-vault', ['@strongroom/evidence', 'pkcs11js']),
  'apps/vault/src/main.ts': `import '@strongroom/evidence'; import 'pkcs11js'; import 'node:fs';`,
};

/** The findings in the sound tree with some files changed or added. */
function findings(changes: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'));
  try {
    for (const [path, text] of Object.entries({ ...sound, ...changes })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return checkBoundaries(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('a sound tree has no findings', () => {
  assert.deepEqual(findings({}), []);
});

const refused: Readonly<Record<string, readonly [path: string, text: string, finding: RegExp]>> = {
  'an upward type import': ['libs/bytes/src/a.ts', `import type { B } from '@strongroom/evidence';`, /above or beside/],
  'an import type expression': ['libs/bytes/src/a.ts', `type B = import('@strongroom/evidence').B;`, /above or beside/],
  'wire reading evidence': ['libs/wire/src/a.ts', `import '@strongroom/evidence';`, /above or beside/],
  'a declaration against the layers': ['libs/wire/package.json', lib('wire', ['@strongroom/evidence']), /above or beside/],
  'a library importing an app': ['libs/wire/src/a.ts', `import '@strongroom/app-vault';`, /not a library/],
  'an app importing testing': ['apps/vault/src/a.ts', `import '@strongroom/testing';`, /for tests/],
  'an undeclared library': ['apps/vault/src/a.ts', `import '@strongroom/wire';`, /not declared/],
  'an undeclared npm package': ['apps/vault/src/a.ts', `import 'yaml';`, /not declared/],
  'an npm package in the middle': ['libs/wire/package.json', lib('wire', ['@strongroom/bytes', 'yaml']), /does without/],
  'I/O in the middle': ['libs/evidence/src/a.ts', `import { open } from 'node:fs/promises';`, /does I\/O/],
  'I/O by another way': ['libs/evidence/src/a.ts', `process.getBuiltinModule('fs');`, /hides an import/],
  'a builtin without its prefix': ['apps/vault/src/a.ts', `import 'fs';`, /'node:fs'/],
  'a second file of an isolated package': ['apps/vault/src/a.ts', `import 'pkcs11js';`, /one file only/],
  'a path inside another package': ['libs/wire/src/a.ts', `import '@strongroom/bytes/src/reader.ts';`, /not exported/],
  'a relative way out': ['libs/wire/src/a.ts', `import '../../bytes/src/reader.ts';`, /leaves its package/],
  'a missing extension': ['libs/wire/src/a.ts', `import './index';`, /extension/],
  'a missing file': ['libs/wire/src/a.ts', `import './b.ts';`, /does not exist/],
  'an import of a test': ['libs/bytes/src/a.ts', `import './reader.test.ts';`, /is a test/],
  'a cycle through a type': ['libs/bytes/src/reader.ts', `export type * from './index.ts';`, /imports itself/],
  'a computed import': ['apps/vault/src/a.ts', `await import(process.argv[2]);`, /computed/],
  'an unparsable file': ['apps/vault/src/a.ts', `import { from`, /cannot be parsed/],
  'an unknown library': ['libs/extra/package.json', lib('extra'), /no place in the layers/],
  'an unknown import of ours': ['apps/vault/src/a.ts', `import '@strongroom/nothing';`, /unknown/],
  'a file of no package': ['stray/a.ts', `export {};`, /no package/],
};

for (const [what, [path, text, finding]] of Object.entries(refused)) {
  test(`refuses ${what}`, () => {
    const found = findings({ [path]: text });
    assert.ok(found.some((one) => finding.test(one)), `no such finding in ${JSON.stringify(found)}`);
  });
}

const rooms = { 'apps/vault/src/main.ts': `import './read/a.ts';`, 'apps/vault/src/read/a.ts': `import '../seal/a.ts'; export type A = 1;`, 'apps/vault/src/seal/a.ts': `export {};` };

test('rooms of a package import each other one way, types included; tests may look at any', () => {
  assert.deepEqual(findings({ ...rooms, 'apps/vault/src/read/b.ts': `export type B = 1;`, 'apps/vault/src/seal/b.test.ts': `import '../read/b.ts';` }), []);
  const knot = findings({ ...rooms, 'apps/vault/src/read/b.ts': `export type B = 1;`, 'apps/vault/src/seal/b.ts': `import type { B } from '../read/b.ts';` });
  assert.deepEqual(knot, ['apps/vault/src/read: imports itself by other rooms: apps/vault/src/read → apps/vault/src/seal → apps/vault/src/read']);
});
