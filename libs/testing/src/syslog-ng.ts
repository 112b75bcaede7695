// SPDX-License-Identifier: Apache-2.0
// Debian's syslog-ng and its loggen, to send and receive with. The package conflicts with rsyslog, so it is unpacked aside
// and never installed. What runs is a process of our own, in a directory of its own.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { FileSender, type SenderCommand } from './file-sender.ts';
import { missingOnMachine, runCommand, unpackedPackage } from './unpacked-package.ts';

const PACKAGE = 'syslog-ng-core';

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
  return missingOnMachine(unpackedSyslogNg);
}

/** Downloads and unpacks it if that was not done before. Throws `Failed('package.unpack')`. */
export function unpackedSyslogNg(): UnpackedSyslogNg {
  const root = unpackedPackage(PACKAGE);
  const [program, loggen] = [join(root, 'usr/sbin/syslog-ng'), join(root, 'usr/bin/loggen')];
  const libraries = globSync(['usr/lib/*-linux-gnu*', 'lib/*-linux-gnu*', 'usr/lib/syslog-ng'], { cwd: root }).map((path) => join(root, path));
  const environment = { ...process.env, LD_LIBRARY_PATH: libraries.join(':'), SYSLOGNG_PREFIX: join(root, 'usr') };
  const version = /^Installer-Version: (\S+)/m.exec(runCommand([program, '--version'], root, environment))?.[1];
  if (version === undefined) throw new Failed('package.unpack', `${program} does not say its version`, { fix: 'see what it prints with --version' });
  return { program, loggen, version, environment };
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
