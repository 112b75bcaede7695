// SPDX-License-Identifier: Apache-2.0
// Passwords of devices that lie in secrets/rack-monitor: whoever starts us puts them there, and the service alone shall read them.
import { chmodSync, chownSync, existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { rackSecretFiles, type Config, type Layout } from '@strongroom/service';
import type { Accounts } from '../place/accounts.ts';

const FILES_MAX = 8192;
/** What the start itself puts there. */
const OWN = ['cert.pem', 'key.pem', 'cert.pem.new', 'key.pem.new'];

/**
 * Gives each file in secrets/rack-monitor to root and the service's group, mode 0640. Without users nothing is given. Throws
 * `Refused('supervisor.rack-secret')` for one that others may read, which is no secret any more, and for one that a device needs and that
 * is not there: a start is the time to say so. Later the service goes on without that device.
 */
export function giveRackSecrets(paths: Layout, users: Accounts | null, rack: Config['rack']): void {
  for (const [name, device] of rack.enabled ? Object.entries(rack.devices) : []) {
    for (const path of Object.values(rackSecretFiles(name, device)).map(paths.rackSecret)) {
      if (!existsSync(path)) throw new Refused('supervisor.rack-secret', `a secret of the device "${name}" is not there`, { why: `there is no ${path}`, fix: `make it: (umask 077; printf '%s\\n' THE-SECRET > ${path})` });
    }
  }
  const { directory } = paths.identity('rack-monitor');
  for (const name of readdirSync(directory).filter((one) => !OWN.includes(one)).slice(0, FILES_MAX)) {
    const path = join(directory, name);
    const facts = lstatSync(path);
    if (!facts.isFile()) continue;
    if ((facts.mode & 0o007) !== 0) {
      throw new Refused('supervisor.rack-secret', `${path} is no secret`, { why: `its mode is ${(facts.mode & 0o777).toString(8)}: everybody may read it`, fix: `chmod 600 ${path}, and change the password if others were here` });
    }
    if (users === null) continue;
    chownSync(path, 0, users['rack-monitor'].gid);
    chmodSync(path, 0o640);
  }
}
