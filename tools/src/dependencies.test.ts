// SPDX-License-Identifier: Apache-2.0
// docs/DEPENDENCIES.md names every package that is depended on, and no other.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPages, ROOT } from './pages.ts';

/** In the first column of its tables. */
const listed = readPages().filter(({ path }) => path === 'docs/DEPENDENCIES.md')
  .flatMap(({ prose }) => [...prose.matchAll(/^\| (`[^|]+`) \|/gm)]).flatMap((match) => [...match[1]!.matchAll(/`([^`]+)`/g)].map((name) => name[1]!));

function npmPackages(): string[] {
  return globSync(['package.json', '{apps,libs}/*/package.json', '{tools,suites}/package.json'], { cwd: ROOT }).flatMap((path) => {
    const manifest = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, Record<string, string> | undefined>;
    return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  }).filter((name) => !name.startsWith('@strongroom/'));
}

function debianPackages(): string[] {
  const lines = readFileSync(join(ROOT, 'tools/setup/packages.txt'), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(/\s+/)[0]!);
}

/** Those of the drivers, and of programs that are built as they were published. */
function goModules(): string[] {
  const required = [...readFileSync(join(ROOT, 'suites/outside/go.mod'), 'utf8').matchAll(/^\t(\S+) v\S+$/gm)].map((match) => match[1]!);
  const built = globSync('suites/src/*.ts', { cwd: ROOT }).flatMap((path) => [...readFileSync(join(ROOT, path), 'utf8').matchAll(/'([^'\s]+)\/cmd\/[^'\s]+@v[^'\s]+'/g)].map((match) => match[1]!));
  return [...required, ...built];
}

test('the page lists exactly the npm and Debian packages and Go modules that are depended on', () => {
  const used = [...new Set([...npmPackages(), ...debianPackages(), ...goModules()])].toSorted();
  assert.deepEqual(listed.toSorted(), used);
});
