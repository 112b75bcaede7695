// SPDX-License-Identifier: Apache-2.0
// The process that makes load; started by load.ts, told what to do by messages.
import type { Load, LoadResult } from './load.ts';
import { prepareRelp } from './relp-load.ts';
import { prepareSyslog } from './syslog-load.ts';

/** Made ready: connections open, memory filled. Runs once. */
export type Prepared = () => Promise<LoadResult>;

process.once('message', (load: Load) => {
  run(load).catch((error: unknown) => {
    process.send!({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }, () => process.exit(1));
  });
});
process.once('disconnect', () => process.exit(1));

async function run(load: Load): Promise<void> {
  const go: Prepared = load.kind === 'syslog' ? await prepareSyslog(load) : await prepareRelp(load);
  const told = new Promise<void>((resolve) => { process.once('message', () => resolve()); });
  process.send!({ kind: 'ready' });
  await told;
  const result = await go();
  process.send!({ kind: 'done', result }, () => process.exit(0));
}
