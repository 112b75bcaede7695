// SPDX-License-Identifier: Apache-2.0
// How this Strongroom is started: by systemd where its units are installed, else from where this program lies.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Patient } from './patient.ts';
import { word } from './shell.ts';

const TARGET = 'strongroom.target';
const UNITS = ['/etc/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

export function startCommand({ paths, configFile, machine: { project } }: Patient): string {
  if (UNITS.some((directory) => existsSync(join(directory, TARGET)))) return `systemctl start ${TARGET}`;
  const configured = configFile === undefined ? '' : ` STRONGROOM_CONFIG=${word(configFile)}`;
  return `cd ${word(project)} && STRONGROOM_HOME=${word(paths.home)}${configured} npm start`;
}
