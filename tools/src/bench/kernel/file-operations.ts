// SPDX-License-Identifier: Apache-2.0
// A program of the bench: makes, changes, renames and removes files at a steady rate, each an event of the kernel, and prints how many,
// and how long they took by themselves.   node file-operations.ts DIRECTORY RATE SECONDS
import { chmodSync, closeSync, openSync, renameSync, unlinkSync } from 'node:fs';

const TICK_MS = 10;
const [directory = '', rate = 0, seconds = 0] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

const ACTS: readonly ((path: string) => void)[] = [
  (path) => closeSync(openSync(path, 'w')), (path) => chmodSync(path, 0o640), (path) => renameSync(path, `${path}.new`),
  (path) => chmodSync(`${path}.new`, 0o600), (path) => unlinkSync(`${path}.new`),
];

const wanted = rate * seconds;
const began = performance.now();
let [done, busyMs] = [0, 0];
const timer = setInterval(() => {
  const due = Math.min(wanted, Math.floor(((performance.now() - began) / 1000) * rate));
  const from = performance.now();
  for (; done < due; done += 1) ACTS[done % ACTS.length]!(`${directory}/file-${Math.floor(done / ACTS.length)}`);
  busyMs += performance.now() - from;
  if (done < wanted) return;
  clearInterval(timer);
  console.log(JSON.stringify({ done, busySeconds: busyMs / 1000 }));
}, TICK_MS);
