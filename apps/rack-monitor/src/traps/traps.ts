// SPDX-License-Identifier: Apache-2.0
// Traps and informs as records. What nobody signed is kept as something that came, and believed in nothing.
import { createHash } from 'node:crypto';
import { Failed } from '@strongroom/bytes';
import { errorFields, type Config, type TrapFacts } from '@strongroom/service';
import type { Say } from '../events.ts';
import { HOST } from '../lasting.ts';
import type { Device } from '../poll/device.ts';
import { plainPdu } from '../snmp/outer-form.ts';
import { textOf, type Answer } from '../snmp/value.ts';
import type { Happening } from '../track/device-track.ts';
import { Budget } from './budget.ts';
import { TrapReceiver, type Notice, type Refusal, type Sender } from './receiver.ts';

/** Sealed in a minute, of what nobody signed, and of what one device did; more is counted. */
const UNSIGNED_MAX = 30;
const BELIEVED_MAX = 300;
const MINUTE_MS = 60_000;
const VALUES_MAX = 64;
/** An object identifier has 128 numbers at the most, RFC 3416 section 2; a usual one 20. */
const OID_CHARACTERS_MAX = 256;
const PDU_OCTETS_MAX = 1024;
const TRAP = '1.3.6.1.6.3.1.1.4.1.0';
/** net-snmp's enterprise, and that what follows is chosen by whoever runs it: RFC 3411, SnmpEngineID. */
const ENGINE_PREFIX = '8000b98305';

export interface Traps {
  readonly facts: TrapFacts;
  readonly values: Readonly<Record<string, number>>;
  /** Call it now and then: it tells of what was only counted. */
  tick(nowMs: number): void;
  close(): Promise<void>;
}

/** Of a device, what a trap needs. */
export type TrapDevice = Pick<Device, 'name' | 'target' | 'engine' | 'nudge'>;

export interface TrapHooks {
  seal(subject: string, happening: Happening): void;
  readonly say: Say;
}

/** Rejects with `Failed('rack.traps')`. */
export async function startTraps(config: Config['rack']['traps'], devices: readonly TrapDevice[], id: string, { seal, say }: TrapHooks): Promise<Traps> {
  const counts = { believed: 0, refused: 0 };
  const budget = { believed: new Budget(BELIEVED_MAX, MINUTE_MS), unsigned: new Budget(UNSIGNED_MAX, MINUTE_MS) };
  let minuteMs = 0;
  let untold: Partial<Record<Refusal | 'unsealed', number>> = {};
  const count = (what: Refusal | 'unsealed'): void => void (untold[what] = (untold[what] ?? 0) + 1);
  const tick = (nowMs: number): void => {
    if (nowMs - minuteMs < MINUTE_MS) return;
    minuteMs = nowMs;
    if (Object.keys(untold).length > 0) say('rack.traps-refused', untold as Record<string, number>);
    untold = {};
  };
  const receiver = await TrapReceiver.listen(config.address, config.port, engineIdOf(id), {
    senders: devices.map(senderOf),
    believed: (notice) => {
      counts.believed += 1;
      devices.find(({ name }) => name === notice.device)?.nudge();
      if (budget.believed.take(notice.device)) seal(notice.device, { protocol: 'power', told: toldOf(notice), isEvent: true });
      else count('unsealed');
    },
    refused: (why, peer, datagram, form) => {
      counts.refused += 1;
      if (why !== 'unsigned' || !budget.unsigned.take('')) return count(why);
      const pdu = plainPdu(datagram, form!)?.octets.subarray(0, PDU_OCTETS_MAX).toString('base64') ?? null;
      const version = { 0: 'v1', 1: 'v2c', 3: 'v3' }[form!.version] ?? String(form!.version);
      seal(HOST, { protocol: 'power', told: { type: 'trap', time: new Date().toISOString(), authenticated: false, version, peer, octets: datagram.length, pdu }, isEvent: false });
    },
    failed: (error) => say('rack.traps-failed', errorFields(error)),
  }).catch((error: unknown) => {
    throw new Failed('rack.traps', `traps cannot be listened for at ${config.address} port ${config.port}`, { why: (error as Error).message, fix: 'correct rack.traps.address and rack.traps.port', cause: error });
  });
  return {
    get facts() { return { address: receiver.address, ...counts }; },
    get values() { return { trapsBelieved: counts.believed, trapsRefused: counts.refused }; },
    tick,
    async close() {
      await receiver.close();
      tick(Infinity);
    },
  };
}

/** The same at each start, so that senders of informs need not learn it anew. */
function engineIdOf(id: string): string {
  return ENGINE_PREFIX + createHash('sha256').update(`strongroom snmp engine v1\0${id}`).digest('hex').slice(0, 24);
}

/** As it stands whenever it is looked at. */
function senderOf(device: TrapDevice): Sender {
  const { security, address } = device.target;
  return {
    name: device.name, address, credentials: 'user' in security ? security : null,
    get engineId() { return device.engine?.id ?? null; },
    get engineBoots() { return device.engine?.boots ?? 0; },
    get engineSeconds() { return device.engine?.seconds ?? 0; },
  };
}

function toldOf({ peer, claims, isInform, values }: Notice): Happening['told'] {
  const trap = values.find(({ oid }) => oid === TRAP)?.value;
  return {
    type: 'trap', time: new Date().toISOString(), authenticated: true, peer, user: claims.user, engine: claims.engine, boots: claims.boots, engineSeconds: claims.seconds, inform: isInform,
    trap: typeof trap === 'string' ? trap.slice(0, OID_CHARACTERS_MAX) : null, values: values.slice(0, VALUES_MAX).map(({ oid, value }) => ({ oid: oid.slice(0, OID_CHARACTERS_MAX), value: plain(value) })), left: Math.max(0, values.length - VALUES_MAX),
  };
}

function plain(value: Answer['value']): number | string | null {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'number' ? value : textOf(value);
}
