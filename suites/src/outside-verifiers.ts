// SPDX-License-Identifier: Apache-2.0
// Verifiers of C2SP tlog-tiles logs that share no code with us.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildDrivers, CACHE, goProgram } from './go-programs.ts';

const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck@v1.0.4';
/** So that a verifier that hangs, as fsck may on bad tiles, is a refusal and not a hung suite. */
const PATIENCE_MS = 120_000;

export interface OutsideVerifier {
  readonly name: string;
  /** The size of the log that it found valid under the key, or null. `seen`: a checkpoint file from before. */
  readonly verify: (log: string, vkeyFile: string, seen?: string) => number | null;
}

/** Builds what is not built yet. Throws with what Go said. */
export function outsideVerifiers(): OutsideVerifier[] {
  buildDrivers('sumdb', 'formats', 'cosigned');
  const fsck = goProgram(FSCK);
  return [driver('sumdb', true), driver('formats', false), { name: 'fsck', verify: (log, vkeyFile) => runFsck(fsck, log, vkeyFile) }];
}

/** What transparency-dev's formats says of a cosigned checkpoint: the size, and how many of these witnesses cosigned; null where it refuses. */
export function cosignedBy(noteFile: string, vkey: string, witnesses: readonly string[]): { readonly size: number; readonly count: number } | null {
  const { status, stdout } = spawnSync(join(CACHE, 'cosigned'), [noteFile, vkey, ...witnesses], { encoding: 'utf8', timeout: PATIENCE_MS });
  const said = /^verified size ([0-9]+) by ([0-9]+)\n$/.exec(stdout);
  return status === 0 && said !== null ? { size: Number(said[1]), count: Number(said[2]) } : null;
}

function driver(name: string, remembers: boolean): OutsideVerifier {
  const verify: OutsideVerifier['verify'] = (log, vkeyFile, seen) => {
    const { status, stdout } = spawnSync(join(CACHE, name), [log, vkeyFile, ...(remembers && seen !== undefined ? [seen] : [])], { encoding: 'utf8', timeout: PATIENCE_MS });
    return verifiedSize(status, /^verified a log of size ([0-9]+)\n$/.exec(stdout));
  };
  return { name, verify };
}

/** It exits 0 on corruption: only its line of success counts. With one worker it hangs on a bad tile. */
function runFsck(program: string, log: string, vkeyFile: string): number | null {
  const { status, stderr } = spawnSync(program, ['--ui=false', '-N', '16', `--storage_url=file://${log}/`, `--public_key=${vkeyFile}`], { encoding: 'utf8', timeout: PATIENCE_MS });
  return verifiedSize(status, /Successfully fsck'd log with size ([0-9]+) and root/.exec(stderr));
}

function verifiedSize(status: number | null, said: RegExpExecArray | null): number | null {
  return status === 0 && said !== null ? Number(said[1]) : null;
}
