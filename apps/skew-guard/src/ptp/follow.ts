// SPDX-License-Identifier: Apache-2.0
// Asks ptp4l through pmc. pmc can also set what it asks for; here it is only ever told to GET.
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Failed } from '@strongroom/bytes';
import { parsePmc, type PtpReport } from './pmc.ts';

export interface PtpPlace {
  /** pmc. */
  readonly program: string;
  /** Of ptp4l. */
  readonly socket: string;
  readonly domain: number;
}

const GETS = ['TIME_STATUS_NP', 'CURRENT_DATA_SET', 'PORT_DATA_SET', 'PORT_PROPERTIES_NP', 'PARENT_DATA_SET', 'TIME_PROPERTIES_DATA_SET'].map((name) => `GET ${name}`);
const PATIENCE_MS = 5000;
const OUTPUT_BYTES_MAX = 65_536;

/** `own`: where pmc may put a socket for the answers. Throws `Failed('ptp.away')`, and `Refused('ptp.*')` for what cannot be read. */
export async function askPtp({ program, socket, domain }: PtpPlace, own: string, signal?: AbortSignal): Promise<PtpReport> {
  rmSync(own, { force: true });
  const text = await new Promise<string>((resolve, reject) => {
    const options = { timeout: PATIENCE_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL', signal, env: { PATH: process.env['PATH'], LC_ALL: 'C' } } as const;
    execFile(program, ['-u', '-b', '0', '-d', String(domain), '-s', socket, '-i', own, ...GETS], options, (error, stdout, stderr) => {
      if (error === null && stdout.includes('RESPONSE MANAGEMENT')) resolve(stdout);
      else reject(away(socket, error === null ? 'no answer came' : stderr.trim().split('\n')[0] || error.message));
    });
  });
  return parsePmc(text);
}

function away(socket: string, why: string): Failed {
  return new Failed('ptp.away', `ptp4l does not answer at ${socket}`, { why, fix: 'start ptp4l, let strongroom-skew-guard use its socket, or set clock.ptp to where it is' });
}
