// SPDX-License-Identifier: Apache-2.0
// Runs in a guest at each of its boots, for causes.test.ts: the first time it keeps a sign of life and has the machine go in the
// way that is asked for; the next time it says what our own reader of causes makes of what is left. Arguments: the cause, and where
// the sign of life is kept.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { judge, NOTHING_KNOWN, type Heartbeat } from '@strongroom/service/coverage';
import { machinePaths, signOfLife, traces } from './machine.ts';

const [cause = '', kept = ''] = process.argv.slice(2);
const SLEEP_SECONDS = 20;
const PATIENCE_MS = 900_000;
const paths = machinePaths('/sys/fs/pstore');

function sign(life: string): Heartbeat {
  return signOfLife(paths, life, () => ({ at: Temporal.Now.instant().epochNanoseconds, bound: 0n }));
}

function keep(heartbeat: Heartbeat): void {
  const file = openSync(kept, 'w');
  writeSync(file, JSON.stringify(heartbeat, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)));
  fsyncSync(file);
  closeSync(file);
}

function tell(before: Heartbeat, after: Heartbeat): void {
  const facts = { ...NOTHING_KNOWN, before, after, ...traces(paths, before, after) };
  console.log(`judged: ${JSON.stringify(judge(facts))}`);
}

if (existsSync(kept)) {
  tell(JSON.parse(readFileSync(kept, 'utf8'), (_, value: unknown) => (typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value)) as Heartbeat, sign('2'));
} else if (cause === 'suspended') {
  const before = sign('1');
  writeFileSync('/sys/class/rtc/rtc0/wakealarm', `+${SLEEP_SECONDS}`);
  writeFileSync('/sys/power/state', 'mem');
  tell(before, sign('1'));
} else {
  keep(sign('1'));
  // A sign of life is older than what ends it.
  await delay(2000);
  if (cause === 'panic') writeFileSync('/proc/sysrq-trigger', 'c');
  else if (cause === 'watchdog-reset') openSync('/dev/watchdog', 'w'); // and nobody feeds it
  else writeFileSync('/proc/sysrq-trigger', 'b');
  await delay(PATIENCE_MS);
}
