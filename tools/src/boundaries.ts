// SPDX-License-Identifier: Apache-2.0
// Holds every import to the layers: bytes → evidence, wire → schema → controls; keys and service beside them; apps on
// top; and rooms of a package, which are the folders below its src, one way. Reads package.json files and sources, and fails
// closed: what it doesn't know or can't read is a finding.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { findCycles } from './cycles.ts';
import { importsOf, Unreadable } from './imports.ts';

/** What each library may import. A library that is not here is unknown. */
const LIBS: Readonly<Record<string, readonly string[]>> = {
  bytes: [],
  evidence: ['bytes'],
  wire: ['bytes'],
  schema: ['bytes', 'evidence', 'wire'],
  controls: ['bytes', 'evidence', 'schema'],
  keys: ['bytes'],
  service: ['bytes', 'evidence'],
  testing: ['bytes', 'evidence', 'wire', 'schema', 'controls', 'keys', 'service'],
};
/** Libraries that take bytes and return values: no npm package, and of Node's modules only those that do no I/O. */
const PURE_LIBS = new Set(['bytes', 'evidence', 'wire', 'schema', 'controls']);
const PURE_BUILTINS = new Set(['assert', 'buffer', 'crypto', 'events', 'stream', 'string_decoder', 'url', 'util', 'zlib']);
/** npm packages that one file stands in front of. */
const SINGLE_FILE = new Set(['kafkajs', 'net-snmp', 'ntp-client', 'pkcs11js', 'systemd-notify']);
const SOURCES = '**/*.{ts,mts,cts,tsx,js,mjs,cjs,jsx}';
const NOT_OURS = ['**/node_modules/**', 'var/**', 'coverage/**'];

interface Package {
  readonly name: string;
  readonly folder: string; // relative to the root, as are all paths here
  readonly kind: 'lib' | 'app' | 'tools' | 'suites';
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
  readonly exports: Readonly<Record<string, string>>;
}

/** Where an import leads: to a file of ours, or out of it (`file` absent), or why it may not be. */
type Verdict = { readonly file?: string } | { readonly refused: string };

/** All findings, each `path: what`, in the repository at `root`. None means that the boundaries hold. */
export function checkBoundaries(root: string): string[] {
  const findings: string[] = [];
  const packages = readPackages(root, findings);
  const users = new Map<string, string[]>();
  const graph = new Map<string, string[]>();
  for (const path of globSync(SOURCES, { cwd: root, exclude: NOT_OURS }).toSorted()) {
    const home = [...packages.values()].find((one) => path.startsWith(one.folder + sep));
    if (home === undefined) {
      findings.push(`${path}: belongs to no package`);
      continue;
    }
    for (const specifier of read(root, path, findings)) {
      const verdict = judge(root, packages, home, path, specifier);
      if ('refused' in verdict) findings.push(`${path}: '${specifier}' ${verdict.refused}`);
      else if (verdict.file !== undefined) graph.set(path, [...(graph.get(path) ?? []), verdict.file]);
      if (SINGLE_FILE.has(specifier)) users.set(specifier, [...(users.get(specifier) ?? []), path]);
    }
  }
  for (const [name, paths] of users) {
    if (paths.length > 1) findings.push(`${paths.join(', ')}: '${name}' may be imported from one file only`);
  }
  for (const cycle of findCycles(graph)) findings.push(`${cycle[0]}: imports itself: ${cycle.join(' → ')}`);
  for (const cycle of findCycles(roomGraph(graph))) findings.push(`${cycle[0]}: imports itself by other rooms: ${cycle.join(' → ')}`);
  return findings;
}

/** Which rooms of a package import which. Tests may look at any. */
function roomGraph(graph: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const rooms = new Map<string, string[]>();
  for (const [path, files] of graph) {
    const from = roomOf(path);
    const to = isTest(path) ? [] : files.map(roomOf).filter((room) => room !== null && room !== from) as string[];
    if (from !== null && to.length > 0) rooms.set(from, [...new Set([...(rooms.get(from) ?? []), ...to])]);
  }
  return rooms;
}

/** The folder below a package's `src` that a file is in; null: none. */
function roomOf(path: string): string | null {
  return /^(?:(?:apps|libs)[/\\][^/\\]+|tools|suites)[/\\]src[/\\][^/\\]+(?=[/\\])/.exec(path)?.[0] ?? null;
}

function readPackages(root: string, findings: string[]): Map<string, Package> {
  const packages = new Map<string, Package>();
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  for (const path of globSync(workspaces.map((pattern) => `${pattern}/package.json`), { cwd: root }).toSorted()) {
    const one = readPackage(root, dirname(path));
    if (typeof one === 'string') findings.push(`${path}: ${one}`);
    else packages.set(one.name, one);
  }
  for (const one of packages.values()) {
    for (const name of [...one.dependencies, ...one.devDependencies]) {
      const to = packages.get(name);
      const why = to !== undefined ? layering(one, to) : name.startsWith('@strongroom/') ? 'is unknown' : npm(one, name);
      if (why !== undefined) findings.push(`${join(one.folder, 'package.json')}: '${name}' ${why}`);
    }
  }
  return packages;
}

function readPackage(root: string, folder: string): Package | string {
  const json = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const [top = '', leaf = ''] = folder.split(sep);
  const kind = top === 'libs' ? 'lib' : top === 'apps' ? 'app' : top === 'tools' || top === 'suites' ? top : undefined;
  if (kind === undefined) return 'is neither a lib, an app, tools nor suites';
  if (kind === 'lib' && LIBS[leaf] === undefined) return `has no place in the layers: give '${leaf}' one in tools/src/boundaries.ts`;
  const name = `@strongroom/${kind === 'app' ? `app-${leaf}` : kind === 'lib' ? leaf : top}`;
  if (json['name'] !== name) return `must be named ${name}`;
  const names = (key: string): Set<string> => new Set(Object.keys((json[key] as object | undefined) ?? {}));
  return {
    name,
    folder,
    kind,
    dependencies: names('dependencies'),
    devDependencies: names('devDependencies'),
    exports: (json['exports'] as Record<string, string> | undefined) ?? {},
  };
}

function read(root: string, path: string, findings: string[]): string[] {
  try {
    return importsOf(path, readFileSync(join(root, path), 'utf8'));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    findings.push(`${path}: ${error.message}`);
    return [];
  }
}

function judge(root: string, packages: Map<string, Package>, home: Package, path: string, specifier: string): Verdict {
  const inTest = isTest(path);
  if (/^\.{0,2}\//.test(specifier)) return judgeRelative(root, home, path, specifier);
  if (isBuiltin(specifier)) return judgeBuiltin(home, inTest, specifier);
  const [scope = '', rest = ''] = specifier.split('/');
  const name = specifier.startsWith('@') ? `${scope}/${rest}` : scope;
  if (scope !== '@strongroom') return judgeNpm(home, inTest, name);
  const to = packages.get(name);
  if (to === undefined) return { refused: 'is unknown' };
  const free = inTest && name === '@strongroom/testing'; // declaring it would make a cycle of packages
  const why = free ? undefined : layering(home, to);
  if (why !== undefined) return { refused: why };
  if (!free && !home.dependencies.has(name)) return { refused: `is not declared in ${home.folder}/package.json` };
  const file = to.exports[`.${specifier.slice(name.length)}`];
  return file === undefined ? { refused: 'is not exported' } : { file: join(to.folder, file) };
}

/** Tests, and what an app has for them alone in `src/simulation`. */
function isTest(path: string): boolean {
  const [top, , , folder] = path.split(sep);
  return path.endsWith('.test.ts') || (top === 'apps' && folder === 'simulation');
}

function judgeRelative(root: string, home: Package, path: string, specifier: string): Verdict {
  const file = join(dirname(path), specifier);
  if (specifier.startsWith('/') || relative(home.folder, file).startsWith('..')) return { refused: 'leaves its package' };
  if (!/\.(ts|tsx|json|mjs)$/.test(file)) return { refused: 'must be written with its extension' };
  if (file.endsWith('.test.ts') || (isTest(file) && !isTest(path))) return { refused: 'is a test' };
  return existsSync(join(root, file)) ? { file } : { refused: 'does not exist' };
}

function judgeBuiltin(home: Package, inTest: boolean, specifier: string): Verdict {
  if (!specifier.startsWith('node:')) return { refused: `must be written 'node:${specifier}'` };
  const name = specifier.slice('node:'.length).split('/')[0] ?? '';
  if (inTest || !isPure(home) || PURE_BUILTINS.has(name)) return {};
  return { refused: 'does I/O, which this library leaves to its callers' };
}

function judgeNpm(home: Package, inTest: boolean, name: string): Verdict {
  const declared = home.dependencies.has(name) || (inTest && home.devDependencies.has(name));
  return declared ? {} : { refused: `is not declared in ${home.folder}/package.json` };
}

function npm(home: Package, name: string): string | undefined {
  return isPure(home) && home.dependencies.has(name) ? 'is an npm package, which this library does without' : undefined;
}

function isPure(one: Package): boolean {
  return one.kind === 'lib' && PURE_LIBS.has(leafOf(one));
}

/** Why `from` may not import `to`, whatever it declares. */
function layering(from: Package, to: Package): string | undefined {
  if (from === to) return 'is the package itself: import the file';
  if (to.kind !== 'lib') return 'is not a library';
  if (from.kind === 'app' && leafOf(to) === 'testing') return 'is for tests';
  if (from.kind === 'lib' && LIBS[leafOf(from)]?.includes(leafOf(to)) !== true) return `is above or beside ${from.name}`;
  return undefined;
}

function leafOf(one: Package): string {
  return one.folder.split(sep).at(-1) ?? '';
}

if (import.meta.main) {
  const findings = checkBoundaries(join(import.meta.dirname, '../..'));
  for (const finding of findings) console.error(`boundaries: ${finding}`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
