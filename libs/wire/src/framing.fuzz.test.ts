// SPDX-License-Identifier: Apache-2.0
// A short run of the fuzzer on every test; STRONGROOM_FUZZ_CASES=1000000 (and STRONGROOM_FUZZ_SEED) for a long one.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { checkStream, fuzz } from './framing.fuzz.ts';
import { seeded } from './trial/random.ts';

const CASES = Number(process.env['STRONGROOM_FUZZ_CASES'] ?? 100_000);
const SEED = Number(process.env['STRONGROOM_FUZZ_SEED'] ?? 1);
const CORPUS = join(import.meta.dirname, '../corpus');

test(`framing survives ${CASES} fuzz cases from seed ${SEED}`, () => {
  fuzz(SEED, Math.ceil(CASES / 2)); // each seed is a case of either protocol
});

for (const path of globSync(`${CORPUS}/{syslog,relp}/*`)) {
  test(`framing survives ${path.slice(CORPUS.length + 1)}`, () => {
    const stream = readFileSync(path);
    for (let seed = 0; seed < 32; seed += 1) checkStream(basename(join(path, '..')) === 'relp' ? 'relp' : 'syslog', stream, seeded(seed));
  });
}
