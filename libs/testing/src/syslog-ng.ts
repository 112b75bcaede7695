// SPDX-License-Identifier: Apache-2.0
// Debian's syslog-ng and its loggen, to send and receive with. The package conflicts with rsyslog, so it is unpacked aside,
// kept between runs, and never installed. What runs is a process of our own, in a directory of its own.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { FileSender, type SenderCommand } from './file-sender.ts';

const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/strongroom-peers');
const PACKAGE = 'syslog-ng-core';
/** Only so that a hung download ends with its output. */
const PATIENCE_MS = 120_000;

export interface UnpackedSyslogNg {
  readonly program: string;
  readonly loggen: string;
  /** Such as `3.38.1`. */
  readonly version: string;
  /** In which its programs find their libraries and modules. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Why it cannot be had here, or null. */
export function syslogNgMissing(): string | null {
  try {
    unpackedSyslogNg();
    return null;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return `machine: ${error.message}: ${error.why ?? ''}`;
  }
}

/** Downloads and unpacks it if that was not done before. Throws `Failed('syslog-ng.unpack')`. */
export function unpackedSyslogNg(): UnpackedSyslogNg {
  const root = join(CACHE, PACKAGE);
  if (!existsSync(root)) unpack(root);
  const [program, loggen] = [join(root, 'usr/sbin/syslog-ng'), join(root, 'usr/bin/loggen')];
  const libraries = globSync(['usr/lib/*-linux-gnu*', 'lib/*-linux-gnu*', 'usr/lib/syslog-ng'], { cwd: root }).map((path) => join(root, path));
  const environment = { ...process.env, LD_LIBRARY_PATH: libraries.join(':'), SYSLOGNG_PREFIX: join(root, 'usr') };
  const version = /^Installer-Version: (\S+)/m.exec(run([program, '--version'], root, environment))?.[1];
  if (version === undefined) throw failed(`${program} does not say its version`);
  return { program, loggen, version, environment };
}

/** It is renamed into place when it is whole: another test may be at it, and an interrupted one leaves nothing half. */
function unpack(root: string): void {
  mkdirSync(CACHE, { recursive: true });
  const directory = mkdtempSync(join(CACHE, 'unpacking-'));
  try {
    run(['apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', ...packages()], directory);
    for (const archive of globSync('*.deb', { cwd: directory })) run(['dpkg-deb', '-x', archive, 'root'], directory);
    renameSync(join(directory, 'root'), root);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error; // another was first
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The package and what this machine lacks of what it needs. Newer versions of what is installed are left alone. */
function packages(): string[] {
  const simulated = run(['apt-get', 'install', '--simulate', '--no-install-recommends', PACKAGE], CACHE);
  return [...new Set([PACKAGE, ...[...simulated.matchAll(/^Inst (\S+) \(/gm)].map(([, name]) => name!)])];
}

function run([command = '', ...args]: readonly string[], cwd: string, env = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: { ...env, LC_ALL: 'C' }, encoding: 'utf8', timeout: PATIENCE_MS });
  if (status !== 0) throw failed(`${command}: ${error?.message ?? (stderr.trim().replaceAll('\n', '; ') || `exit code ${status}`)}`);
  return stdout;
}

function failed(why: string): Failed {
  return new Failed('syslog-ng.unpack', 'syslog-ng cannot be had', { why, fix: `make "apt-get download ${PACKAGE}" work` });
}

/** Follows one file and sends each of its lines as `enrolled` (a configuration that `strongroom enrol` wrote) says. */
export class SyslogNg extends FileSender {
  readonly #unpacked = unpackedSyslogNg();

  constructor(directory: string, enrolled: string) {
    super(directory);
    writeFileSync(join(directory, 'syslog-ng.conf'), [
      `@version: ${/^\d+\.\d+/.exec(this.#unpacked.version)![0]}`,
      `source s_src { file("${this.input}" flags(no-parse) follow-freq(0.2)); };`,
      readFileSync(enrolled, 'utf8'),
    ].join('\n'));
  }

  protected override command(): SenderCommand {
    const { program, environment } = this.#unpacked;
    const files = Object.entries({ 'cfgfile': 'syslog-ng.conf', 'persist-file': 'persist', 'pidfile': 'pid', 'control': 'control' });
    return { program, environment, args: ['-F', '--no-caps', ...files.map(([option, name]) => `--${option}=${join(this.directory, name)}`)] };
  }
}
