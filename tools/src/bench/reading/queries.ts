// SPDX-License-Identifier: Apache-2.0
// Searches as a reader's client makes them, with what they cost the vault.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadIdentity, RpcClient, serviceId } from '@strongroom/service';
import type { Appliance } from '@strongroom/testing';
import { cpuSeconds } from '../processes.ts';

export interface Answer {
  readonly found: number;
  readonly seconds: number;
  /** Until the first record was here; null when there was none. */
  readonly firstSeconds: number | null;
  /** Of the vault's process, whatever else it did meanwhile included. */
  readonly vaultCpuSeconds: number;
}

export class Queries {
  readonly #appliance: Appliance;
  readonly #vaultPid: number;
  readonly #client: RpcClient;

  private constructor(appliance: Appliance, vaultPid: number, client: RpcClient) {
    [this.#appliance, this.#vaultPid, this.#client] = [appliance, vaultPid, client];
  }

  static async open(appliance: Appliance): Promise<Queries> {
    const identity = loadIdentity(appliance.paths.identity('operator'), appliance.paths.ca);
    const deployment = identity.id.split('/')[2]!;
    const client = await RpcClient.connect(appliance.paths.readSocket, { identity, expected: serviceId(deployment, 'vault') });
    return new Queries(appliance, await vaultPid(appliance), client);
  }

  async ask(query: object): Promise<Answer> {
    const [cpu, began] = [cpuSeconds([this.#vaultPid]), performance.now()];
    let found = 0;
    let firstAt: number | null = null;
    for await (const _ of this.#client.stream('search', query)) {
      firstAt ??= performance.now();
      found += 1;
    }
    return { found, seconds: (performance.now() - began) / 1000, firstSeconds: firstAt === null ? null : (firstAt - began) / 1000, vaultCpuSeconds: cpuSeconds([this.#vaultPid]) - cpu };
  }

  /** Takes the store's files out of the page cache. */
  forgetFiles(): void {
    const { log, segments } = this.#appliance.paths;
    for (const directory of [segments, log]) {
      for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
        // A partial tile may be superseded meanwhile.
        if (entry.isFile()) spawnSync('dd', [`if=${join(entry.parentPath, entry.name)}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
      }
    }
  }

  close(): void {
    this.#client.close();
  }
}

export async function vaultPid(appliance: Appliance): Promise<number> {
  const { services } = await appliance.status();
  return services.find(({ name }) => name === 'vault')!.pid!;
}
