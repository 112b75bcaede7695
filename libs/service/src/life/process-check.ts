// SPDX-License-Identifier: Apache-2.0
// What keeps the secrets of this process in its memory, and which cryptography runs in it, as found here and now.
import { createCipheriv, getFips, hash, secureHeapUsed } from 'node:crypto';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';

/** `weak`: it runs, and production wants it otherwise. `bad`: something that is claimed or relied upon is not so. */
export type CheckState = 'ok' | 'weak' | 'bad';

export interface Check {
  /** Stable: `keys.…`, `memory.…` or `crypto.…`. */
  readonly code: string;
  readonly state: CheckState;
  readonly detail: string;
}

/** Checks of the process that calls. */
export function checkProcess(): Check[] {
  return [openssl(), fips(), coreDumps(), secureHeap(), swapCheck()];
}

function openssl(): Check {
  return { code: 'crypto.openssl', state: 'ok', detail: `Node ${process.version} with OpenSSL ${process.versions.openssl}` };
}

/** By what works and what does not: a configuration that asks for a provider proves nothing. */
function fips(): Check {
  const asked = getFips() === 1 || process.execArgv.some((flag) => /^--(enable|force)-fips$/.test(flag));
  const [md5, gcm] = [works(() => hash('md5', '')), works(() => createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12)).final())];
  const isLoaded = !md5 && gcm;
  const said = `${asked ? 'FIPS mode is asked for' : 'FIPS mode is not asked for'}; MD5 ${md5 ? 'works' : 'is refused'}, AES-256-GCM ${gcm ? 'works' : 'is refused'}`;
  if (!gcm) return { code: 'crypto.fips', state: 'bad', detail: said };
  const what = isLoaded ? 'a provider that refuses what is not approved is loaded; whether it is a validated one, and used as validated, only its certificate says' : 'no FIPS provider is in force';
  return { code: 'crypto.fips', state: asked && !isLoaded ? 'bad' : 'ok', detail: `${said}: ${what}` };
}

function works(use: () => unknown): boolean {
  try {
    use();
    return true;
  } catch {
    return false;
  }
}

function coreDumps(): Check {
  const [, soft, hard] = /^Max core file size\s+(\S+)\s+(\S+)/m.exec(readOr('/proc/self/limits')) ?? [];
  const isOff = soft === '0' && hard === '0';
  return { code: 'memory.core-dumps', state: isOff ? 'ok' : 'bad', detail: isOff ? 'off, and they cannot be switched on' : `limits are ${soft ?? 'unknown'} and ${hard ?? 'unknown'} octets: a crash may write keys to a disk` };
}

function secureHeap(): Check {
  const { total } = secureHeapUsed();
  const isOn = total !== undefined && total > 0;
  return { code: 'memory.secure-heap', state: isOn ? 'ok' : 'weak', detail: isOn ? `${total} octets, locked, for OpenSSL's private keys; data keys are not in it` : 'OpenSSL keeps private keys in ordinary memory' };
}

/** Of the machine, whoever asks. */
export function swapCheck(table = '/proc/swaps'): Check {
  const devices = readOr(table).split('\n').slice(1).map((line) => line.split(/\s+/)[0]!).filter((name) => name !== '');
  const plain = devices.filter((device) => !isEncrypted(device));
  if (devices.length === 0) return { code: 'memory.swap', state: 'ok', detail: 'there is none' };
  if (plain.length === 0) return { code: 'memory.swap', state: 'ok', detail: `${devices.join(', ')}: in memory, or encrypted by dm-crypt` };
  return { code: 'memory.swap', state: 'weak', detail: `${plain.join(', ')} ${plain.length === 1 ? 'is' : 'are'} not seen to be encrypted: data keys and records may be written there` };
}

/** zram lies in memory; a dm-crypt mapping says so in its id. What a plain file or disk lies on is not looked into. */
function isEncrypted(device: string): boolean {
  try {
    const name = basename(realpathSync(device));
    return name.startsWith('zram') || readdirSync(`/sys/block/${name}/dm`).includes('uuid') && readFileSync(`/sys/block/${name}/dm/uuid`, 'utf8').startsWith('CRYPT-');
  } catch {
    return false;
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
