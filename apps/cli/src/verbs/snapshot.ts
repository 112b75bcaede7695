// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { writeValue } from '../output.ts';
import { startProgress } from '../progress.ts';
import { bytes, some } from '../quantity.ts';
import { FileStore } from '../store/file-store.ts';
import { keptRotations, linkedKeys } from '../store/rotations.ts';
import { SnapshotTarget } from '../snapshot/target.ts';
import { takeSnapshot } from '../snapshot/take.ts';
import { EXIT, verb } from '../verb.ts';
import { homeVkey } from '../vkey.ts';

export const snapshot = verb({
  details: [
    'Copies exactly what the newest published checkpoint covers: the log, the segments, the commit log and timestamps, so that the '
      + 'copy can be verified, given to an auditor, or put back. It holds no keys: contents stay sealed for whoever has the '
      + 'copy alone.',
  ],
  arguments: [{ name: 'dir', description: 'Where to; it must be empty or not there', required: true }],
  options: {},
  examples: [{ command: 'strongroom snapshot /backup/strongroom-2026-03-01', what: 'Then: strongroom verify --store /backup/strongroom-2026-03-01' }],
  async run(call) {
    const keys = linkedKeys(homeVkey(call.paths), keptRotations(call.paths.rotations));
    const directory = resolve(call.arguments.dir);
    const target = new SnapshotTarget(directory, call.paths.store);
    const store = new FileStore(call.paths.store);
    const progress = startProgress(call.io.err, 'copying');
    try {
      const facts = await takeSnapshot(store, keys, target, progress.update);
      progress.end();
      await writeValue(call, { directory, ...facts }, () => [
        `${directory} holds the first ${some(facts.logSize, 'entry', 'entries')} of ${facts.origin}: ${some(facts.segments, 'segment')}, ${bytes(facts.bytes)}.`,
        `Check it with: strongroom verify --store ${directory}`,
      ]);
      return EXIT.ok;
    } finally {
      progress.end();
      store.close();
    }
  },
});
