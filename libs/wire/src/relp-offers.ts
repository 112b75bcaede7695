// SPDX-License-Identifier: Apache-2.0
// The offers that a RELP client opens its session with, and our answer: one a line, NAME ["=" VALUE *("," VALUE)].
import { Refused } from '@strongroom/bytes';

const VERSION_MAX = 1;
const OFFERS_MAX = 64;
/** An offer of ours: the client wants to hear with each answer where its message lies in the log. */
const RECEIPTS = 'strongroom_receipts';

/** Offers by name, as sent. Throws `Refused('wire.relp.offers')` when there are too many or one comes twice. */
export function readOffers(data: Buffer): Map<string, string> {
  const lines = data.toString('latin1').split('\n').filter((line) => line !== '');
  if (lines.length > OFFERS_MAX) throw refused(`it offers ${lines.length} features, the limit is ${OFFERS_MAX}`);
  const offers = new Map<string, string>();
  for (const line of lines) {
    const equals = line.indexOf('=');
    const name = equals === -1 ? line : line.slice(0, equals);
    if (offers.has(name)) throw refused('it offers the same feature twice');
    offers.set(name, equals === -1 ? '' : line.slice(equals + 1));
  }
  return offers;
}

/** What a client wants to hear with its answers: `1` where its message lies, `2` that, and the signed checkpoint of its commit. */
export type ReceiptKind = '1' | '2';

/** Null where it wants nothing, or what we do not know. */
export function wantedReceipts(offers: ReadonlyMap<string, string>): ReceiptKind | null {
  const wanted = offers.get(RECEIPTS);
  return wanted === '1' || wanted === '2' ? wanted : null;
}

/**
 * The data of the response that opens the session: the lower of both versions, the one command that we serve, and receipts
 * to who wants them and can have them. Throws `Refused('wire.relp.offers')` when the client cannot be served.
 */
export function answerOffers(offers: ReadonlyMap<string, string>, receipts: ReceiptKind | null = null): string {
  const version = offers.get('relp_version') ?? '';
  if (!/^[0-9]{1,9}$/.test(version)) throw refused('it offers no valid relp_version');
  const commands = offers.get('commands') ?? '';
  if (!commands.split(',').includes('syslog')) throw refused('"syslog" is not among the commands that it offers');
  return `200 OK\nrelp_version=${Math.min(Number(version), VERSION_MAX)}\nrelp_software=strongroom\ncommands=syslog${receipts === null ? '' : `\n${RECEIPTS}=${receipts}`}`;
}

function refused(why: string): Refused {
  return new Refused('wire.relp.offers', 'a RELP client cannot be served', { why });
}
