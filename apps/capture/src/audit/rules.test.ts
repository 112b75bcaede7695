// SPDX-License-Identifier: Apache-2.0
// The rule sets as data: each rule says what it is for. That a kernel takes them is tested in live.test.ts.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const directory = join(import.meta.dirname, '../../rules');
const FRAMEWORKS: Readonly<Record<string, RegExp>> = {
  '800-53': /^[A-Z]{2}-\d{1,2}(?:\(\d{1,2}\))?$/,
  'ISO-27001': /^[5-8]\.\d{1,2}$/,
  'SOC-2': /^(?:CC[1-9]|A1|C1|PI1|P[1-8])\.\d$/,
};
/** What a set that is named so must serve, in each of its rules. */
const OF_FILE: Readonly<Record<string, readonly string[]>> = {
  '30-strongroom-baseline.rules': ['800-53', 'ISO-27001', 'SOC-2'], '40-strongroom-800-53.rules': ['800-53'],
  '50-strongroom-programs.rules': ['800-53', 'ISO-27001', 'SOC-2'], '40-strongroom-iso-27001.rules': ['ISO-27001'], '40-strongroom-soc-2.rules': ['SOC-2'],
};
const files = globSync('*.rules', { cwd: directory }).toSorted();
const linesOf = (file: string): string[] => readFileSync(join(directory, file), 'utf8').split('\n');
const isRule = (line: string): boolean => /^-[aAw] /.test(line);

/** The controls by framework that a `# serves` line names; null if it is none. */
function servedBy(line: string | undefined): Map<string, string[]> | null {
  const list = /^# serves ([^:]+): \S/.exec(line ?? '')?.[1];
  return list === undefined ? null : new Map(list.split(', ').map((part) => [part.split(' ')[0]!, part.split(' ').slice(1)]));
}

describe('audit rule sets', () => {
  it('say for each rule which controls it serves, in each framework that the set is for', () => {
    for (const file of files) {
      const lines = linesOf(file);
      for (const [index, line] of lines.entries()) {
        if (!isRule(line)) continue;
        const served = servedBy(lines[index - 1]);
        assert.ok(served !== null, `${file}: nothing says what this serves: ${line}`);
        assert.deepEqual([...served.keys()], OF_FILE[file], `${file}: ${line}`);
        for (const [framework, controls] of served) {
          assert.ok(controls.length > 0);
          for (const control of controls) assert.match(control, FRAMEWORKS[framework]!, `${file}: ${line}`);
        }
      }
    }
  });

  it('name no rule twice, so that any of them go together, and each by a key', () => {
    const rules = files.flatMap((file) => linesOf(file).filter(isRule)).map((line) => line.replace(/ -F key=\S+$/, ''));
    assert.ok(rules.length > 50);
    assert.equal(new Set(rules).size, rules.length);
    for (const file of files) for (const line of linesOf(file).filter(isRule)) assert.match(line, / -F key=[a-z0-9-]{1,31}$/);
  });

  it('hold nothing but comments, rules, and the settings of the sets that are for them', () => {
    const settings = Object.fromEntries(files.map((file) => [file, linesOf(file).filter((line) => line !== '' && !line.startsWith('#') && !isRule(line))]));
    assert.deepEqual(settings, {
      '10-strongroom-base.rules': ['-D', '-b 8192', '-f 1', '-c'], '99-strongroom-lock.rules': ['-e 2'],
      ...Object.fromEntries(Object.keys(OF_FILE).map((file) => [file, []])),
    });
  });

  it('are all named in their guide', () => {
    const guide = readFileSync(join(directory, 'README.md'), 'utf8');
    for (const file of files) assert.ok(guide.includes(`\`${file}\``), file);
  });
});
