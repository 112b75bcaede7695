// SPDX-License-Identifier: Apache-2.0
// `npm test` after set-up: typecheck, lint and boundaries, the tests of every package, then the end-to-end suites.
// Prints skipped and failed tests at the end, and why these failed; the last line is `N passed, N failed`, each of the first three steps
// counting as one. Fails closed: a package that leaves no counts has failed.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Counts, countsFile } from './count-reporter.ts';
import type { Failure } from './failure.ts';
import { summarise } from './summary.ts';

const ROOT = join(import.meta.dirname, '../..');
const SUITES = '@strongroom/suites';

interface Manifest {
  readonly name: string;
  readonly workspaces?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
}

const directory = mkdtempSync(join(tmpdir(), 'strongroom-test-counts-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const environment = {
  STRONGROOM_TEST_COUNTS: directory,
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  NX_TUI: 'false',
  npm_config_loglevel: 'silent', // Nx runs a package's script through npm
  ...(process.stdout.isTTY ? {} : { FORCE_COLOR: '0', NO_COLOR: '1' }), // Nx colours what goes to a file, too
};

const root = manifest(ROOT);
const checks = ['typecheck', 'lint', 'boundaries'].map(check);
const packages = tested();
const units = packages.filter((name) => name !== SUITES);
const nxOptions = ['-t', 'test', '--skip-nx-cache', '--output-style=stream', '--nxBail=false'];
const runs = [
  step('tests of libs, apps and tools', units, ['nx', 'run-many', ...nxOptions, '-p', units.join(','), '--parallel=3']),
  step('end-to-end suites', [SUITES], ['nx', 'run-many', ...nxOptions, '-p', SUITES, '--parallel=1']),
];

const summary = summarise([...checks, ...runs.flat()], process.env['CI'] === 'true');
for (const line of summary.lines) console.log(line);
process.exitCode = summary.failed === 0 ? 0 : 1;

/** One script of the root package.json, counted as one test. */
function check(script: string): Counts {
  heading(`${script}: ${root.scripts?.[script]}`);
  const passed = run(['sh', '-c', root.scripts?.[script] ?? 'exit 1']);
  return { project: 'strongroom', passed: passed ? 1 : 0, failed: passed ? [] : [unexplained(script)], skipped: [] };
}

/** The tests of some packages by Nx, and what each of them counted. */
function step(title: string, projects: readonly string[], command: readonly string[]): Counts[] {
  heading(title);
  const passed = run(command);
  const counts = projects.map(counted);
  if (!passed && counts.every((one) => one.failed.length === 0)) {
    counts.push({ project: 'nx', passed: 0, failed: [unexplained(`${title}: the runner failed`)], skipped: [] });
  }
  return counts;
}

function counted(project: string): Counts {
  const file = countsFile(directory, project);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Counts;
  return { project, passed: 0, failed: [unexplained('its tests did not run to the end')], skipped: [] };
}

/** What it said stands above. */
function unexplained(name: string): Failure {
  return { name, why: [] };
}

function tested(): string[] {
  const manifests = globSync((root.workspaces ?? []).map((pattern) => `${pattern}/package.json`), { cwd: ROOT });
  return manifests
    .map((file) => manifest(join(ROOT, dirname(file))))
    .filter((one) => one.scripts?.['test'] !== undefined)
    .map((one) => one.name)
    .toSorted();
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function run([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...environment } }).status === 0;
}

function heading(text: string): void {
  console.log(`\n== ${text}`);
}
