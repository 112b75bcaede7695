// SPDX-License-Identifier: Apache-2.0
// Our side of the key service's administration: run/keys/admin.sock, reachable by root and by its own user alone.
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import { RpcClient, type Check } from '@strongroom/service';

const PATIENCE_MS = 10_000;
const RETRY_MS = 100;

export interface KeysInfo {
  readonly caPem: string;
  /** SubjectPublicKeyInfo of the log's key, base64. */
  readonly logPublicKeySpki: string;
}

export type CertificateUsage = 'client' | 'server';

/** One of `csrPem` and `spkiPem`. */
export interface IssueRequest {
  readonly csrPem?: string;
  readonly spkiPem?: string;
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  readonly commonName: string;
  readonly usages: readonly CertificateUsage[];
  readonly notAfterDays: number;
}

export interface Issued {
  readonly certPem: string;
  /** Hexadecimal. */
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

export class KeysAdmin {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async info(): Promise<KeysInfo> {
    const value = (await this.#call('info', {})) as Partial<KeysInfo>;
    if (typeof value.caPem !== 'string' || typeof value.logPublicKeySpki !== 'string') throw unexpected('info');
    return { caPem: value.caPem, logPublicKeySpki: value.logPublicKeySpki };
  }

  /** SubjectPublicKeyInfo, base64, of the key with which this deployment vouches for the logs of others; made if need be. */
  async witnessKey(part: 'witness' | 'mirror'): Promise<string> {
    const { publicKeySpki } = (await this.#call('witnessKey', { part })) as { publicKeySpki?: unknown };
    if (typeof publicKeySpki !== 'string') throw unexpected('witnessKey');
    return publicKeySpki;
  }

  /** Throws `Refused` with the key service's code when the request is not acceptable. */
  async issue(request: IssueRequest): Promise<Issued> {
    const value = (await this.#call('issue', request)) as Partial<Issued>;
    const { certPem, serial, notBefore, notAfter } = value;
    if ([certPem, serial, notBefore, notAfter].some((field) => typeof field !== 'string')) throw unexpected('issue');
    return value as Issued;
  }

  /** The deployment's keys, as the token tells of them. */
  async listKeys(): Promise<readonly Record<string, unknown>[]> {
    const listed = await this.#call('listKeys', {});
    if (!Array.isArray(listed)) throw unexpected('listKeys');
    return listed as Record<string, unknown>[];
  }

  /** What the key service found when it tried them. */
  async checkKeys(): Promise<readonly Check[]> {
    const checks = await this.#call('checkKeys', {});
    if (!Array.isArray(checks)) throw unexpected('checkKeys');
    return checks as Check[];
  }

  /** Calls are rare: each has a connection of its own. A key service that is just restarting is waited for. */
  async #call(verb: string, args: unknown): Promise<unknown> {
    for (const deadline = Date.now() + PATIENCE_MS; ; await delay(RETRY_MS)) {
      try {
        return await this.#callOnce(verb, args);
      } catch (error) {
        const gone = error instanceof Failed && (error.code === 'rpc.unreachable' || error.code === 'rpc.connection-lost');
        if (!gone || Date.now() > deadline) throw error;
      }
    }
  }

  async #callOnce(verb: string, args: unknown): Promise<unknown> {
    const client = await RpcClient.connect(this.#path);
    try {
      return await client.call(verb, args);
    } finally {
      client.close();
    }
  }
}

function unexpected(verb: string): Failed {
  return new Failed('supervisor.keys-answer', `the key service gave no proper answer to "${verb}"`);
}
