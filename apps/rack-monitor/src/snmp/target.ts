// SPDX-License-Identifier: Apache-2.0
// Whom to ask, and by which keys.

export type AuthProtocol = 'sha' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
/** 256 bits by the Blumenthal draft (`aes256b`) or as Cisco and others do it (`aes256r`): devices differ. */
export type PrivProtocol = 'aes' | 'aes256b' | 'aes256r';

export interface Credentials {
  readonly user: string;
  readonly authProtocol: AuthProtocol;
  readonly authPassword: string;
  readonly privProtocol: PrivProtocol;
  readonly privPassword: string;
}

export interface SnmpTarget {
  /** An address, no name: an answer from elsewhere is none. */
  readonly address: string;
  readonly port: number;
  /** Of SNMPv3, or the community of v2c, by which nobody is authenticated. */
  readonly security: Credentials | { readonly community: string };
  readonly timeoutMs: number;
  /** How often a question is asked again. */
  readonly retries: number;
}

export function isAuthenticated(target: Pick<SnmpTarget, 'security'>): boolean {
  return 'user' in target.security;
}
