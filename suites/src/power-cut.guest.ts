// SPDX-License-Identifier: Apache-2.0
// Runs inside the guest of power-cut.test.ts: a vault on the recorded disk, somebody who submits, and after each
// acknowledgement a mark behind the file system, so that the record of the disk tells what was promised by when. Without
// arguments it ends once it is loaded. Little is: emulated, each module takes some hundredths of a second.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BOUND_UNKNOWN, KIND, NO_KEY, type SubmittedRun } from '@strongroom/evidence';
import { nowNs, type Config } from '@strongroom/service';
import { VaultProcess } from '@strongroom/testing/vault-process';
import { MARK_BYTES, SECRET, encodeMark, textOf } from './power-cut.load.ts';

const [home = process.exit(), disk = '', marksAt = '0', count = '0', configFile = ''] = process.argv.slice(2);
const config = JSON.parse(readFileSync(configFile, 'utf8')) as Config;
const WINDOW = 8;
/** So often the vault is killed in between: recovery too shall be on the record. */
const LIVES = 3;

// Directly: a mark must not be held in the page cache, nor may it make the disk flush what nobody else made durable.
const marks = spawn('dd', [`of=${disk}`, `bs=${MARK_BYTES}`, 'iflag=fullblock', 'oflag=direct,seek_bytes', `seek=${marksAt}`, 'conv=notrunc'], { stdio: ['pipe', 'ignore', 'inherit'] });
let acked = 0;

for (let life = 1; life <= LIVES; life += 1) {
  const vault = await VaultProcess.start({ home, secret: SECRET, config });
  console.log(`guest: life ${life} serves after ${Math.round(process.uptime())} s`);
  await submit(vault, Math.floor((Number(count) * life) / LIVES));
  // What was under way when it was killed is submitted again by the next life.
  await vault.kill();
}
await new Promise<void>((done) => { marks.once('close', () => done()); marks.stdin.end(); });
console.log(`guest: ${acked} acknowledged`);

/** Submits what was not acknowledged before, up to `end`, with a window; then as many more of which nobody hears. */
async function submit(vault: VaultProcess, end: number): Promise<void> {
  const stream = randomBytes(16);
  const first = acked;
  const begin = async (i: number): Promise<void> => {
    await vault.submitter.submit([runOf(vault.source, stream, i - first, textOf(i))]);
    acked = i + 1;
    marks.stdin.write(encodeMark(acked));
  };
  for (let i = first; i < end; i += WINDOW) {
    await Promise.all(Array.from({ length: Math.min(WINDOW, end - i) }, (_, k) => begin(i + k)));
  }
  for (let i = end; i < end + WINDOW; i += 1) begin(i).catch(() => undefined);
}

function runOf(source: string, stream: Buffer, sequence: number, text: string): SubmittedRun {
  const raw = Buffer.from(text);
  return {
    kind: KIND.data, flags: 0, receivedAt: nowNs(), bound: BOUND_UNKNOWN, source, sourceKey: NO_KEY, protocol: 'test', peer: '', stream,
    firstSequence: sequence, lengths: Uint32Array.of(raw.length), data: raw,
  };
}
