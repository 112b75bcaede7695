// SPDX-License-Identifier: Apache-2.0
// Every verb, in the order in which help lists them.
import type { Verb } from '../verb.ts';
import { approve } from './approve.ts';
import { backup } from './backup.ts';
import { clock } from './clock.ts';
import { completion } from './completion.ts';
import { config } from './config.ts';
import { destruction } from './destruction.ts';
import { enrol } from './enrol.ts';
import { help } from './help.ts';
import { hold } from './hold.ts';
import { keys } from './keys.ts';
import { logDir } from './log-dir.ts';
import { order } from './order.ts';
import { prove } from './prove.ts';
import { reconcile } from './reconcile.ts';
import { recover } from './recover.ts';
import { reload } from './reload.ts';
import { restore } from './restore.ts';
import { retention } from './retention.ts';
import { revoke } from './revoke.ts';
import { scrub } from './scrub.ts';
import { search } from './search.ts';
import { show } from './show.ts';
import { snapshot } from './snapshot.ts';
import { sources } from './sources.ts';
import { status } from './status.ts';
import { tap } from './tap.ts';
import { timestamp } from './timestamp.ts';
import { top } from './top.ts';
import { verify } from './verify.ts';
import { verifyProof } from './verify-proof.ts';
import { version } from './version.ts';
import { vkey } from './vkey.ts';
import { who } from './who.ts';
import { witness } from './witness.ts';

export const VERBS: readonly Verb[] = [
  status, top, clock, keys,
  enrol, revoke, sources, reload,
  search, tap, show, who, prove, reconcile,
  retention, hold, destruction, order, approve,
  verify, verifyProof, scrub, snapshot, backup, restore, recover, logDir, vkey, witness, timestamp,
  config, completion, help, version,
];
