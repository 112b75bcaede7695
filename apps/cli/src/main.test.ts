// SPDX-License-Identifier: Apache-2.0
// The command as it is installed: through its launcher, on a home in which nothing was ever started.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const COMMAND = join(import.meta.dirname, '../bin/strongroom');
const directory = mkdtempSync(join(tmpdir(), 'strongroom-cli-'));
mkdirSync(join(directory, 'home/run/code-cache'), { recursive: true, mode: 0o700 }); // a third of the time
after(() => rmSync(directory, { recursive: true, force: true }));

function strongroom(words: readonly string[], environment: Readonly<Record<string, string>> = {}, command = COMMAND) {
  const { NODE_OPTIONS: _, STRONGROOM_CONFIG: __, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', env: { ...inherited, STRONGROOM_HOME: join(directory, 'home'), ...environment } });
  return { code: status, stdout, stderr };
}

test('shows help on stdout when asked, and on stderr with exit code 2 when nothing is said', () => {
  const asked = strongroom(['--help']);
  assert.deepEqual([asked.code, asked.stderr], [0, '']);
  assert.match(asked.stdout, /^usage: strongroom VERB/m);
  const silent = strongroom([]);
  assert.deepEqual([silent.code, silent.stdout, silent.stderr], [2, '', asked.stdout]);
  assert.equal(strongroom(['help', 'search']).stdout, strongroom(['search', '--help']).stdout);
});

test('runs through a link from anywhere', () => {
  const link = join(directory, 'strongroom-link');
  symlinkSync(COMMAND, link);
  assert.equal(strongroom(['version', '-o', 'json'], {}, link).code, 0);
});

test('tells its version, also as JSON and as --version', () => {
  const { strongroom: version } = JSON.parse(strongroom(['version', '-o', 'json']).stdout) as { strongroom: string };
  assert.equal(version, (JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string }).version);
  assert.match(strongroom(['--version']).stdout, new RegExp(`^strongroom ${version} \\(Node 26`));
});

test('loads the verb that is called, and no other', () => {
  const tellLoads = "import{registerHooks}from'node:module';registerHooks({load(url,context,next){console.error(url);return(next(url,context))}})";
  const verbs = strongroom(['version'], { NODE_OPTIONS: `--import=data:text/javascript,${tellLoads}` }).stderr.match(/(?<=\/verbs\/)[\w-]+(?=\.ts$)/gm);
  assert.deepEqual(verbs?.toSorted(), ['index', 'version']);
});

test('writes help as JSON for programs', () => {
  const { verbs } = JSON.parse(strongroom(['help', '-o', 'json']).stdout) as { verbs: { name: string }[] };
  assert.ok(verbs.some(({ name }) => name === 'verify'));
});

const failures: readonly (readonly [string, string[], number, string])[] = [
  ['an unknown verb', ['serach'], 2, 'usage.unknown-verb'],
  ['an unknown option', ['status', '--verbose'], 2, 'usage.unknown-option'],
  ['a time that is none', ['search', '--since', 'yesterday'], 2, 'usage.time'],
  ['times the wrong way round', ['search', '--since', '1h', '--until', '2h'], 2, 'usage.time'],
  ['a regular expression that is none', ['search', '-E', '('], 2, 'usage.regex'],
  ['a regular expression without one', ['search', '-E'], 2, 'usage.regex'],
  ['a stream that is none', ['search', '--stream', 'xyz'], 2, 'usage.stream'],
  ['an id that is none', ['show', '7'], 2, 'usage.id'],
  ['an id that is none, to prove', ['prove', '1-2-3'], 2, 'usage.id'],
  ['a revocation without its reason', ['revoke', 'web-01'], 2, 'usage.reason'],
  ['an address that is none', ['enrol', 'web-01', '--address', 'a b'], 2, 'usage.address'],
  ['a port that is none', ['enrol', 'web-01', '--address', 'host:70000'], 2, 'usage.address'],
  ['two ways to a key at once', ['enrol', 'web-01', '--csr', 'x', '--rsa', '4096'], 2, 'usage.key'],
  ['a name that cannot stand in an identity', ['enrol', '../web'], 2, 'spiffe.name'],
  ['a configuration to check that nobody named', ['config', 'check'], 2, 'usage.no-config'],
  ['status where nothing runs', ['status'], 1, 'control.not-running'],
  ['top where nothing runs', ['top', '--once'], 1, 'control.not-running'],
  ['sources where nothing runs', ['sources'], 1, 'control.not-running'],
  ['an enrolment where nothing runs', ['enrol', 'web-01', '--out', join(directory, 'never')], 1, 'control.not-running'],
  ['a search where nothing was started', ['search', 'x'], 1, 'home.empty'],
  ['a search with an identity that is not there', ['search', 'x', '--identity', directory], 1, 'read.no-identity'],
  ['a tap where nothing was started', ['tap'], 1, 'home.empty'],
  ['the log of an empty home', ['log-dir'], 1, 'home.no-log'],
  ['the key of an empty home', ['vkey'], 1, 'home.no-vkey'],
  ['verifying an empty home', ['verify'], 1, 'home.no-vkey'],
  ['a snapshot of an empty home', ['snapshot', join(directory, 'copy')], 1, 'home.no-vkey'],
  ['a proof without a key', ['verify-proof', 'p.json'], 1, 'home.no-vkey'],
];

for (const [name, words, code, expected] of failures) {
  test(`says what is wrong with ${name}, as three lines and as JSON`, () => {
    const lines = strongroom(words);
    assert.equal(lines.code, code, lines.stderr);
    assert.equal(lines.stdout, '');
    assert.match(lines.stderr, /^strongroom: .+ \[[a-z0-9.-]+\]\n {2}why: .+\n {2}do: {2}.+\n$/);
    assert.ok(lines.stderr.includes(`[${expected}]`), lines.stderr);
    const asJson = strongroom([...words, '-o', 'json']);
    assert.equal(asJson.code, code);
    assert.equal((JSON.parse(asJson.stderr) as { error: { code: string } }).error.code, expected);
  });
}

test('takes the home from --home before the environment', () => {
  assert.match(strongroom(['vkey', '--home', '/nowhere']).stderr, /not known in \/nowhere/);
});

test('explains, checks and describes the configuration, and ends with 78 when it is wrong', () => {
  const explained = JSON.parse(strongroom(['config', 'explain', '-o', 'json']).stdout) as { key: string; from: string }[];
  assert.ok(explained.some(({ key, from }) => key === 'gateway.listeners.syslogTls.port' && from === 'default'));
  assert.equal(strongroom(['config', 'explain', '-o', 'jsonl']).stdout.trim().split('\n').length, explained.length);
  const file = join(directory, 'strongroom.yaml');
  writeFileSync(file, 'gateway: {processes: 2}\n');
  assert.deepEqual([strongroom(['config', 'check', '--config', file]).code, strongroom(['config', 'check'], { STRONGROOM_CONFIG: file }).code], [0, 0]);
  assert.match(strongroom(['config', 'explain', '--config', file]).stdout, /gateway\.processes +2 +processes +file/);
  writeFileSync(file, 'gatway: {}\nvault: {cycleMaxBytes: 1}\n');
  const wrong = strongroom(['config', 'check', '--config', file, '-o', 'json']);
  assert.equal(wrong.code, 78);
  assert.deepEqual((JSON.parse(wrong.stdout) as { findings: { code: string }[] }).findings.map(({ code }) => code).toSorted(), ['config.unknown-key', 'config.value']);
  assert.equal(strongroom(['config', 'explain', '--config', file]).code, 78);
  assert.equal((JSON.parse(strongroom(['config', 'schema']).stdout) as { type: string }).type, 'object');
});

test('ends quietly when nobody reads on', () => {
  const { status, stderr } = spawnSync('bash', ['-c', `set -o pipefail; for i in 1 2 3; do "${COMMAND}" help -o json | head -c 10; done`], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});

test('says that data could not be written', { skip: existsSync('/dev/full') ? false : 'there is no /dev/full' }, () => {
  const { status, stderr } = spawnSync('sh', ['-c', `"${COMMAND}" help > /dev/full`], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /^strongroom: write of a file failed \[file\.enospc\]\n {2}why: the disk is full\n/);
});

test('colours nothing that goes to a file, and nothing with NO_COLOR', () => {
  assert.ok(!strongroom(['help']).stdout.includes('\u001b'));
  const forced = strongroom(['help'], { FORCE_COLOR: '1' }).stdout;
  assert.ok(forced.includes('\u001b['));
  assert.ok(!strongroom(['help'], { NO_COLOR: '1' }).stdout.includes('\u001b'));
});
