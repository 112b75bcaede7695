// SPDX-License-Identifier: Apache-2.0
// What the configuration says of a time stamping authority is checked before anything starts.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { timestampTrust } from '@strongroom/evidence';
import { pemDecode } from '@strongroom/keys';
import type { Config } from '@strongroom/service';

/**
 * The root certificates' octets, or null where no authority is configured; relative paths start at home. Throws `Refused`:
 * `config.timestamp-url`, `config.timestamp-roots`.
 */
export function checkedRoots({ timestamps: { url, ca } }: Config['witness'], home: string): Buffer | null {
  if (url === undefined && ca === undefined) return null;
  if (url === undefined || ca === undefined) {
    throw new Refused('config.timestamp-roots', 'witness.timestamps needs both url and ca', {
      why: `${url === undefined ? 'url' : 'ca'} is not set: a timestamp that nobody can check is none`, fix: 'name the root certificates of the authority in PEM, or unset both',
    });
  }
  if (!URL.canParse(url)) throw new Refused('config.timestamp-url', `witness.timestamps.url "${url.slice(0, 100)}" is no address`, { why: 'it cannot be read as a URL', fix: 'write for example http://timestamp.example.com/tsa' });
  return read(resolve(home, ca));
}

function read(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    timestampTrust(pemDecode('CERTIFICATE', bytes.toString()));
    return bytes;
  } catch (cause) {
    const { message, why, fix } = cause as Error & { why?: string; fix?: string };
    throw new Refused('config.timestamp-roots', `witness.timestamps.ca: ${path} cannot be used`, { why: why === undefined ? message : `${message}: ${why}`, fix: fix ?? 'name the root certificates of the authority in PEM', cause });
  }
}
