// SPDX-License-Identifier: Apache-2.0
// Asks a device in a process of its own: an app never imports another.
import { spawn } from 'node:child_process';
import { isIP } from 'node:net';
import { lookup } from 'node:dns/promises';
import { join, resolve } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { fromRpcError, type ProbedDevice, type RpcError } from '@strongroom/service/client';
import type { Call } from '../verb.ts';

const PROGRAM = join(import.meta.dirname, '../../../rack-monitor/src/probe.ts');

interface ProbeCall extends Pick<Call, 'paths' | 'configFile'> {
  readonly options: {
    readonly port: number;
    readonly user: string | undefined;
    readonly timeout: number;
    readonly 'auth-protocol': string;
    readonly 'priv-protocol': string;
    readonly 'auth-password-file': string | undefined;
    readonly 'priv-password-file': string | undefined;
    readonly 'community-file': string | undefined;
  };
}

/** Rejects with what the device is to blame for (`snmp.…`), or the file (`rack.secret`), or the configuration (`rack.device`). */
export async function probeDevice(call: ProbeCall, host: string): Promise<ProbedDevice> {
  const { port, user, timeout, 'auth-protocol': authProtocol, 'priv-protocol': privProtocol, 'auth-password-file': auth, 'priv-password-file': priv, 'community-file': community } = call.options;
  const device = community === undefined
    ? { port, timeoutMs: timeout, authProtocol, privProtocol, ...(user === undefined ? {} : { user }), ...file('authPasswordFile', auth), ...file('privPasswordFile', priv) }
    : { port, timeoutMs: timeout, version: 'v2c', ...file('communityFile', community) };
  const isGiven = user !== undefined || community !== undefined;
  const address = isGiven && isIP(host) === 0 ? await addressOf(host) : host;
  const wish = { home: call.paths.home, host: address, device, ...(call.configFile === undefined ? {} : { configFile: call.configFile }) };
  const answer = await ask(JSON.stringify(wish));
  if ('error' in answer) throw fromRpcError(answer.error);
  return answer.probed;
}

function file(name: string, path: string | undefined): Record<string, string> {
  return path === undefined ? {} : { [name]: resolve(path) };
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new Failed('rack.name', `the address of "${host.slice(0, 100)}" is not known`, { why: (error as Error).message, fix: 'name the device by its address', cause: error });
  }
}

function ask(wish: string): Promise<{ readonly probed: ProbedDevice } | { readonly error: RpcError }> {
  const child = spawn(process.execPath, [PROGRAM, wish], { stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  return new Promise((done, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const text = Buffer.concat(parts).toString();
      if (text !== '') return done(JSON.parse(text) as { probed: ProbedDevice });
      reject(new Failed('rack.probe', 'the probe ended without an answer', { why: `exit code ${code}`, fix: 'see what it printed above' }));
    });
  });
}
