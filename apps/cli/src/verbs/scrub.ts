// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Failed } from '@strongroom/bytes';
import type { RpcClient, Status, UpkeepFacts } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { printable } from '../printable.ts';
import { duration } from '../quantity.ts';
import { factLines } from '../table.ts';
import { ageMs, shortTime } from '../time.ts';
import { EXIT, verb } from '../verb.ts';

const POLL_MS = 500;

type Scrub = UpkeepFacts['scrub'];

export const scrub = verb({
  details: [
    'The vault reads all that is closed and the log once in "vault.scrubDays", from the disk itself where it can, in a thread '
      + 'that gives way to everything else, and holds it against its digests in the log and in the checksum database. What is damaged '
      + 'is read a second time, sealed as the event vault.scrub-failed, and makes the state degraded until it is found to be good.',
    'It checks octets and needs no keys. "strongroom verify" checks signatures and contents too, from outside the vault.',
  ],
  arguments: [],
  options: {
    now: { kind: 'flag', description: 'Begin a pass now, without pauses' },
    wait: { kind: 'flag', description: 'With --now: end when that pass has ended' },
  },
  examples: [
    { command: 'strongroom scrub', what: 'How far it is, and what was found' },
    { command: 'strongroom scrub --now --wait', what: 'Read everything again, and tell' },
  ],
  exitCodes: { 4: 'something is damaged' },
  async run(call) {
    const client = await openControl(call.paths);
    try {
      const facts = call.options.now ? await passNow(client, call.options.wait) : await scrubFacts(client);
      await writeValue(call, facts, () => scrubLines(facts, call.io.now()));
      return facts.damaged > 0 ? EXIT.degraded : EXIT.ok;
    } finally {
      client.close();
    }
  },
});

async function scrubFacts(client: RpcClient): Promise<Scrub> {
  const { upkeep } = (await client.call('status')) as Status;
  if (upkeep !== null) return upkeep.scrub;
  throw new Failed('scrub.no-vault', 'the vault has not told anything yet', { why: 'it is starting, or stopped', fix: 'see "strongroom status"' });
}

/** Resolves when the pass has begun, or with `wait` when it has ended. */
async function passNow(client: RpcClient, wait: boolean): Promise<Scrub> {
  const before = await scrubFacts(client);
  await client.call('scrub');
  for (;;) {
    await delay(POLL_MS);
    const now = await scrubFacts(client);
    const ended = now.lastPassAt !== before.lastPassAt;
    if (ended || (!wait && now.passStartedAt !== before.passStartedAt)) return now;
  }
}

export function scrubLines({ percent, passStartedAt, lastPassAt, hurried, damaged, damage, transient }: Scrub, now: bigint): string[] {
  const began = ageMs(passStartedAt, now);
  return factLines([
    ['pass', `${percent} % read${began === null ? '' : `, begun ${duration(began)} ago`}${hurried ? ', without pauses' : ''}`],
    ['last whole pass', lastPassAt === null ? 'none yet' : shortTime(lastPassAt)],
    ['damaged', damaged === 0 ? 'nothing' : `${damaged}: ${printable(damage ?? '')}`],
    ...(transient === 0 ? [] : [['not confirmed', `${transient} readings that a second one found to be good`] as const]),
  ]);
}
