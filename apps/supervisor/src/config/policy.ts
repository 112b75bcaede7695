// SPDX-License-Identifier: Apache-2.0
// What the configuration says of witnesses is checked before anything starts; the schema cannot do that.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Refused } from '@strongroom/bytes';
import { parsePolicy, parseVkey } from '@strongroom/evidence';
import type { Config } from '@strongroom/service';

/**
 * The policy file's octets, or null where none is configured; relative paths start at home. Throws `Refused`:
 * `config.witness-policy`, `config.witness-mirrors`, `config.witness-logs`, `config.witness-certificate`.
 */
export function checkedPolicy({ policy, mirrors, serve }: Config['witness'], home: string): Buffer | null {
  if (serve.enabled) checkLogs(serve.logs);
  if ((serve.certificate === undefined) !== (serve.key === undefined)) {
    throw new Refused('config.witness-certificate', 'witness.serve needs both certificate and key, or neither', { why: 'one of the two is set', fix: 'set the other one too' });
  }
  if (policy === undefined) return null;
  const bytes = read(resolve(home, policy));
  const { witnesses, quorum } = parsed(policy, bytes);
  const unknown = mirrors.find((name) => !witnesses.some((one) => Buffer.from(one.name, 'latin1').toString() === name));
  if (unknown !== undefined) throw new Refused('config.witness-mirrors', `"${unknown}" in witness.mirrors is no witness of the policy`, { why: `${policy} does not define it`, fix: 'use a name of a line "witness NAME …" there' });
  if (quorum === null || !witnesses.some(({ url }) => url !== null)) {
    throw new Refused('config.witness-policy', `${policy} leads to nobody`, { why: quorum === null ? 'its quorum is none' : 'no witness has an address', fix: 'name a quorum and where its witnesses are, or unset witness.policy' });
  }
  return bytes;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Refused('config.witness-policy', `${path} cannot be read`, { why: (cause as Error).message, fix: 'correct witness.policy, or unset it', cause });
  }
}

function parsed(file: string, bytes: Buffer): ReturnType<typeof parsePolicy> {
  try {
    return parsePolicy(bytes);
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    throw new Refused('config.witness-policy', `${file}: ${cause.message}`, { why: cause.why ?? cause.code, fix: cause.fix ?? 'correct the policy', cause });
  }
}

function checkLogs(logs: readonly string[]): void {
  if (logs.length === 0) throw new Refused('config.witness-logs', 'witness.serve is enabled and names no log', { why: 'witness.serve.logs is empty', fix: 'list there what "strongroom vkey" prints on the other appliance' });
  for (const line of logs) {
    try {
      parseVkey(line);
    } catch (cause) {
      throw new Refused('config.witness-logs', `"${line.slice(0, 80)}" in witness.serve.logs is no verifier key`, { why: (cause as Refused).why ?? '', fix: 'take the line that "strongroom vkey" prints there', cause });
    }
  }
}
