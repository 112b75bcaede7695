// SPDX-License-Identifier: Apache-2.0
// The configuration's devices as targets: defaults filled in, secrets read.
import { isIPv6, SocketAddress } from 'node:net';
import { rackSecretFiles, type RackDeviceConfig } from '@strongroom/service';
import { readSecret } from './secrets.ts';
import type { AuthProtocol, PrivProtocol, SnmpTarget } from './snmp/target.ts';

const PORT = 161;
const TIMEOUT_MS = 2000;
const RETRIES = 1;

/** `place` tells where a file lies that is named without a path. Throws `Refused('rack.secret')`. */
export function targetOf(name: string, device: RackDeviceConfig, place: (file: string) => string): SnmpTarget {
  const { address = '', port = PORT, timeoutMs = TIMEOUT_MS } = device;
  return { address: canonical(address), port, timeoutMs, retries: RETRIES, security: securityOf(name, device, place) };
}

/** As the socket tells where an answer came from, which is compared with it. */
function canonical(address: string): string {
  return isIPv6(address) && !address.includes('%') ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

function securityOf(name: string, device: RackDeviceConfig, place: (file: string) => string): SnmpTarget['security'] {
  const { user = '', authProtocol = 'sha256', privProtocol = 'aes256b' } = device;
  const files = rackSecretFiles(name, device);
  if ('community' in files) return { community: readSecret(place(files.community), 'community') };
  return {
    user, authProtocol: authProtocol as AuthProtocol, authPassword: readSecret(place(files.auth), 'password'), privProtocol: privProtocol as PrivProtocol, privPassword: readSecret(place(files.priv), 'password'),
  };
}

/** `authPriv, SHA-256, AES-256`, or that nobody is authenticated. */
export function securityWords(security: SnmpTarget['security']): string {
  if (!('user' in security)) return 'v2c, unauthenticated';
  const auth = security.authProtocol === 'sha' ? 'SHA-1' : security.authProtocol.replace('sha', 'SHA-');
  const priv = { aes: 'AES-128', aes256b: 'AES-256', aes256r: 'AES-256 (Cisco)' }[security.privProtocol];
  return `authPriv, ${auth}, ${priv}`;
}
