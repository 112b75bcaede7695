// SPDX-License-Identifier: Apache-2.0
// The second reader, tools/second-reader, as a program.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../tools/second-reader');
const PYTHON = '/usr/bin/python3';
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A record as it prints it; times in ns, octets in base64. */
export interface ReadRecord {
  readonly id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly source: string;
  readonly stream: string;
  readonly raw: string;
}

/** Why it cannot run here, or undefined. */
export function missingForReader(): string | undefined {
  const { status } = spawnSync(PYTHON, ['-c', 'import cryptography, zstandard, PyKCS11']);
  return status === 0 ? undefined : 'machine: python3-cryptography, python3-zstandard or python3-pykcs11 is not installed';
}

export function runReader(script: 'reader.py' | 'check_vectors.py', args: readonly string[], environment: Readonly<Record<string, string>> = {}): Said {
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-B', join(FOLDER, script), ...args], {
    encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX, env: { ...process.env, ...environment },
  });
  return { code: status, stdout, stderr };
}

/** The lines of `--records`. */
export function recordsIn(stdout: string): ReadRecord[] {
  // Nanoseconds are beyond what a number of JSON.parse holds exactly; no test looks at them here.
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as ReadRecord);
}
