// SPDX-License-Identifier: Apache-2.0
// The part of the upkeep thread that writes: the checksum database follows the published log, and how far it got is kept. As
// there, what goes wrong is tried again, and nobody waits for it.
import { join } from 'node:path';
import { LogDirectory } from '../commit/log-directory.ts';
import { ChecksumFile, type ChecksumDisk } from '../upkeep/checksum-file.ts';
import { followCloses } from '../upkeep/follow.ts';
import { PublishedLog } from '../upkeep/published-log.ts';
import { readState, writeState, type UpkeepState } from '../upkeep/state.ts';
import type { World } from '../world.ts';

/** As the vault looks whether there is more to follow. */
const POLL_MS = 1000;

export interface SimulatedUpkeepOptions {
  readonly world: Pick<World, 'disk' | 'clock'>;
  /** The thread has its own calls, which block it. */
  readonly disk: ChecksumDisk;
  readonly log: string;
  readonly state: string;
  readonly publishedSize: () => number;
}

export class SimulatedUpkeep {
  readonly #options: SimulatedUpkeepOptions;
  readonly #log: LogDirectory;
  readonly #checksums: ChecksumFile;
  readonly #statePath: string;
  readonly #state: UpkeepState;
  #isClosed = false;

  constructor(options: SimulatedUpkeepOptions) {
    const { world: { disk, clock }, log, state } = options;
    this.#options = options;
    this.#log = new LogDirectory(disk, log);
    this.#checksums = new ChecksumFile(state, options.disk);
    this.#statePath = join(state, 'upkeep.json');
    this.#state = readState(this.#statePath, disk, Number(clock.nowNs() / 1_000_000n));
  }

  /** How far the published log was followed. */
  get followed(): number {
    return this.#state.checksums.followed;
  }

  async run(): Promise<void> {
    const { world: { clock }, publishedSize } = this.#options;
    while (!this.#isClosed) {
      if (publishedSize() !== this.followed) await this.#follow();
      await clock.sleep(POLL_MS);
    }
  }

  async #follow(): Promise<void> {
    const { followed } = this;
    await followCloses(new PublishedLog(this.#log), this.#checksums, this.#state.checksums);
    if (this.followed !== followed) await writeState(this.#statePath, this.#state, this.#options.world.disk).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
  }
}
