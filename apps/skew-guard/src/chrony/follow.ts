// SPDX-License-Identifier: Apache-2.0
// Asks chronyd through chronyc, which only reads: none of the commands here changes anything.
import { execFile } from 'node:child_process';
import { Failed } from '@strongroom/bytes';
import { parseReport, type ChronyReport } from './chronyc.ts';

export interface ChronyPlace {
  /** chronyc. */
  readonly program: string;
  /** chronyd's address, or the path of its socket. */
  readonly address: string;
  readonly port: number;
}

const OPEN_REPORTS = ['tracking', 'sources', 'sourcestats'];
/** chronyd tells these over its socket only. */
const SOCKET_REPORTS = ['selectdata', 'authdata'];
const PATIENCE_MS = 5000;
const OUTPUT_BYTES_MAX = 1 << 20;

/** One report of all. Throws `Failed`: `chrony.away`, `chrony.absent`; and `Refused('chrony.*')` for what cannot be read. */
export async function askChrony({ program, address, port }: ChronyPlace, signal?: AbortSignal): Promise<ChronyReport> {
  const isSocket = address.startsWith('/');
  const reports = isSocket ? [...OPEN_REPORTS, ...SOCKET_REPORTS] : OPEN_REPORTS;
  const place = isSocket ? ['-h', address] : ['-h', address, '-p', String(port)];
  const report = parseReport(await run(program, ['-c', '-N', ...place, '-m', ...reports], signal));
  if (report.tracking === null) throw away(address, 'it told nothing of its tracking');
  return report;
}

function run(program: string, args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: PATIENCE_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL', signal, env: { PATH: process.env['PATH'], LC_ALL: 'C' } } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      // It fails when any report was refused; what was told counts.
      if (error === null || /^[0-9A-F]{8},/m.test(stdout)) return resolve(stdout);
      // Not to be found, or not where this service may look.
      if (error.code === 'ENOENT' || error.code === 'EACCES') return reject(new Failed('chrony.absent', 'chronyc is not installed here', { why: `${program}: ${error.code}`, fix: 'apt-get install chrony, or set clock.chrony.enabled to false' }));
      const said = `${stdout}\n${stderr}`.trim().split('\n')[0] ?? '';
      reject(away(args[args.indexOf('-h') + 1]!, said === '' ? error.message : said));
    });
  });
}

function away(address: string, why: string): Failed {
  return new Failed('chrony.away', `chronyd does not answer at ${address}`, { why, fix: 'start chronyd, or set clock.chrony to where it listens' });
}
