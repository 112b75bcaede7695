// SPDX-License-Identifier: Apache-2.0
// What holds and destructions need of the vault around them.
import type { Entry } from '@strongroom/evidence';
import type { Fields, Level, ProtectFlag, Registry, RetentionClass } from '@strongroom/service';
import type { CustodyState } from '../commit/custody-state.ts';
import type { CustodyKeys } from '../commit/key-line.ts';
import type { World } from '../world.ts';
import type { OrderFiles } from '../commit/order-files.ts';
import type { SegmentKeys } from '../commit/segment-keys.ts';

export interface CustodyPaths {
  readonly segments: string;
  readonly filters: string;
  /** Texts of holds, and how far each was judged. */
  readonly holds: string;
}

export interface CustodyTools {
  readonly world: Pick<World, 'disk' | 'clock' | 'random'>;
  readonly paths: CustodyPaths;
  readonly origin: string;
  /** Certificate (DER) of the deployment's CA. */
  readonly authority: () => Buffer;
  readonly registry: () => Registry;
  readonly classes: readonly RetentionClass[];
  /** Names of copies elsewhere, from the configuration. */
  readonly copies: readonly string[];
  readonly orderHours: number;
  readonly state: CustodyState;
  readonly keys: CustodyKeys;
  readonly wraps: SegmentKeys;
  readonly orders: OrderFiles;
  readonly log: LogAccess;
  readonly reading: {
    ask(verb: 'census' | 'matches', args: unknown): Promise<unknown>;
    interrupt(why: string): Promise<void>;
  };
  readonly protect: (path: string, flag: ProtectFlag) => Promise<boolean>;
  /** An event that is also a record. */
  readonly say: (event: string, level: Level, fields: Fields) => void;
}

export interface LogAccess {
  /** What waits now is committed when this resolves, unless sealing stands still; what is committed is published. */
  settle(): Promise<void>;
  /** Commits and publishes an entry. Resolves with its index. */
  enter(entry: Entry): Promise<number>;
  /** These wrapping keys are used no more when this resolves: their segments are closed, and that is published. */
  retire(keyIds: ReadonlySet<string>): Promise<void>;
  readonly size: number;
  readonly root: Buffer;
}
