// SPDX-License-Identifier: Apache-2.0
// Pages name what exists: links lead somewhere, and codes, events, configuration keys and figures stand in the code.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { anchorsOf, parsePage, readPages, ROOT } from './pages.ts';

const pages = readPages();
const sources = globSync('{apps,libs}/*/src/**/*.ts', { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

test('every relative link leads to a file, and its anchor to a heading', () => {
  const dead = pages.flatMap((page) => [...page.prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target) && !leads(page.path, target)).map((target) => `${page.path}: ${target}`));
  assert.deepEqual(dead, []);
});

test('every source file that a page of a package names is in that package', () => {
  const missing = pages.filter(({ path }) => /^(apps|libs|tools|suites)\//.test(path)).flatMap(({ path, spans }) => spans
    .filter((span) => /^[\w./-]+\.(ts|mjs|cnf|sh|c|h)$/.test(span) && globSync([`${dirname(path)}/**/${span}`, span], { cwd: ROOT }).length === 0)
    .map((span) => `${path}: ${span}`));
  assert.deepEqual(missing, []);
});

function leads(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(ROOT, path))) return false;
  return anchor === undefined || anchorsOf(parsePage(path, readFileSync(join(ROOT, path), 'utf8'))).includes(anchor);
}

test('every code, event and configuration key that a page names stands in the code', () => {
  const keys = configurationKeys();
  const known = (name: string): boolean => keys.some((key) => key === name || key.startsWith(`${name}.`)) || sources.some(({ text }) => text.includes(`'${name}'`));
  // FORMAT names fields of its own formats in the same way.
  const unknown = pages.filter(({ path }) => path !== 'docs/FORMAT.md').flatMap((page) => page.spans.filter((span) => isName(span) && !known(span)).map((span) => `${page.path}: ${span}`));
  assert.deepEqual(unknown, []);
});

/** `vault.disk-full`, and not `key.pem`. */
function isName(span: string): boolean {
  return /^[a-z]+(\.[a-zA-Z0-9-]+)+$/.test(span) && !/\.(c|cnf|conf|h|json|key|log|md|mjs|mod|pem|seg|sh|sock|sum|ts|txt|yaml)$/.test(span);
}

function configurationKeys(): string[] {
  const explained = execFileSync(process.execPath, [join(ROOT, 'apps/cli/src/main.ts'), 'config', 'explain', '-o', 'json'], {
    encoding: 'utf8', env: { ...process.env, STRONGROOM_CONFIG: '' },
  });
  return (JSON.parse(explained) as { readonly key: string }[]).map(({ key }) => key);
}

test('every figure that a page names is one that a service gives', () => {
  const named = new Set(pages.flatMap((page) => page.spans.flatMap((span) => span.match(/\bstrongroom_[a-z]+_[a-z_]*[a-z]\b/g) ?? [])));
  assert.ok(named.size > 0);
  assert.deepEqual([...named].filter((name) => !isGiven(name)), []);
});

const services = globSync('apps/*', { cwd: ROOT }).map((path) => path.slice('apps/'.length));

function isGiven(name: string): boolean {
  const service = services.find((one) => name.startsWith(`strongroom_${one.replaceAll('-', '_')}_`)) ?? '';
  const figure = name.slice(`strongroom_${service}_`.length).replace(/^source_/, '');
  const camel = figure.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const own = sources.filter(({ path }) => path.startsWith(`apps/${service}/`) || path === 'libs/service/src/facts/incidents.ts');
  if (own.some(({ text }) => new RegExp(`\\b${camel}\\b`).test(text))) return true;
  // capture names figures by protocol, and by what the sums of each have.
  const [, first = '', rest = ''] = /^[a-z]+([A-Z])(.*)$/.exec(camel) ?? [];
  return service === 'capture' && first !== '' && own.some(({ path, text }) => path.endsWith('/sums.ts') && new RegExp(`\\b${first.toLowerCase()}${rest}\\b`).test(text));
}
