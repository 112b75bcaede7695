// SPDX-License-Identifier: Apache-2.0
// Verifiers of C2SP tlog-tiles logs that share no code with us, built once with Go into a cache outside the sources. The
// Go command takes their modules from wherever it is set to; go.sum and its checksum database hold them to their hashes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../outside');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/outside-verifiers');
const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck@v1.0.4';
/** So that a verifier that hangs, as fsck may on bad tiles, is a refusal and not a hung suite. */
const PATIENCE_MS = 120_000;

export interface OutsideVerifier {
  readonly name: string;
  /** The size of the log that it found valid under the key, or null. `seen`: a checkpoint file from before. */
  readonly verify: (log: string, vkeyFile: string, seen?: string) => number | null;
}

/** Why they cannot be had here, or undefined. */
export function missing(): string | undefined {
  return spawnSync('go', ['version']).status === 0 ? undefined : 'machine: there is no Go to build the verifiers with';
}

/** Builds what is not built yet. Throws with what Go said. */
export function outsideVerifiers(): OutsideVerifier[] {
  mkdirSync(CACHE, { recursive: true });
  go(['build', '-buildvcs=false', '-trimpath', '-o', `${CACHE}/`, './sumdb', './formats', './cosigned'], {});
  const fsck = join(CACHE, FSCK.replace(/^.*@/, 'fsck-'));
  if (!existsSync(fsck)) {
    go(['install', '-trimpath', FSCK], { GOBIN: CACHE });
    renameSync(join(CACHE, 'fsck'), fsck);
  }
  return [driver('sumdb', true), driver('formats', false), { name: 'fsck', verify: (log, vkeyFile) => runFsck(fsck, log, vkeyFile) }];
}

/** What transparency-dev's formats says of a cosigned checkpoint: the size, and how many of these witnesses cosigned; null where it refuses. */
export function cosignedBy(noteFile: string, vkey: string, witnesses: readonly string[]): { readonly size: number; readonly count: number } | null {
  const { status, stdout } = spawnSync(join(CACHE, 'cosigned'), [noteFile, vkey, ...witnesses], { encoding: 'utf8', timeout: PATIENCE_MS });
  const said = /^verified size ([0-9]+) by ([0-9]+)\n$/.exec(stdout);
  return status === 0 && said !== null ? { size: Number(said[1]), count: Number(said[2]) } : null;
}

function go(args: readonly string[], environment: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync('go', args, { cwd: SOURCES, env: { ...process.env, ...environment }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`go ${args.join(' ')}: ${stderr}`);
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
