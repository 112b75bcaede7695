// SPDX-License-Identifier: Apache-2.0
// A real rsyslog of our own: in the foreground, in a directory of its own, with nothing of the host's.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileSender, type SenderCommand } from './file-sender.ts';

const NEEDED = ['lmnsd_ossl.so', 'omrelp.so'];

/** Why a real rsyslog cannot be run here, or null. */
export function rsyslogMissing(): string | null {
  if (spawnSync('rsyslogd', ['-v']).error !== undefined) return 'machine: rsyslogd is not installed';
  const directory = '/usr/lib/x86_64-linux-gnu/rsyslog';
  const found = spawnSync('sh', ['-c', `ls ${directory} /usr/lib/*/rsyslog 2>/dev/null`]).stdout.toString();
  const missing = NEEDED.filter((module) => !found.includes(module));
  return missing.length === 0 ? null : `machine: rsyslog lacks ${missing.join(', ')}`;
}

/** Follows one file and sends each of its lines as `enrolled` (a configuration that `strongroom enrol` wrote) says. */
export class Rsyslog extends FileSender {
  readonly #config: string;

  constructor(directory: string, enrolled: string) {
    super(directory);
    this.#config = join(directory, 'rsyslog.conf');
    writeFileSync(this.#config, [
      `global(workDirectory="${directory}" maxMessageSize="256k")`, 'module(load="imfile" mode="polling" pollingInterval="1")',
      `input(type="imfile" file="${this.input}" tag="suite" severity="info" facility="local0")`,
      readFileSync(enrolled, 'utf8'),
    ].join('\n'));
  }

  protected override command(): SenderCommand {
    return { program: 'rsyslogd', args: ['-n', '-f', this.#config, '-i', join(this.directory, 'pid')] };
  }
}
