// SPDX-License-Identifier: Apache-2.0
// The outside of an SNMP message, RFC 3412 section 6 and RFC 1901: what can be told without a key. net-snmp takes an answer
// that nobody signed for one of a device with whom we agreed on authPriv; who reads this first does not.
//   v3   = SEQUENCE { version 3, SEQUENCE { msgID, msgMaxSize, msgFlags, msgSecurityModel }, OCTET STRING, scoped PDU }
//   v2c  = SEQUENCE { version 1, community, PDU }

/** The tag of a report: a device's answer to a question that it could not read, which nobody can sign. */
const REPORT = 0xa8;
const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTETS = 0x04;
const DATAGRAM_BYTES_MAX = 65_507;

export interface OuterForm {
  readonly version: number;
  /** Signed and encrypted, by what it says of itself; the digest is checked by net-snmp then. */
  readonly sealed: boolean;
  readonly report: boolean;
}

interface Part {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

/** Null where it is no SNMP message. */
export function outerForm(datagram: Buffer): OuterForm | null {
  if (datagram.length > DATAGRAM_BYTES_MAX) return null;
  const whole = partAt(datagram, 0, datagram.length);
  if (whole?.tag !== SEQUENCE || whole.to !== datagram.length) return null;
  const version = partAt(datagram, whole.from, whole.to);
  if (version?.tag !== INTEGER || version.to - version.from !== 1) return null;
  const second = partAt(datagram, version.to, whole.to);
  if (second === null) return null;
  const number = datagram[version.from]!;
  return number === 3 ? outerFormV3(datagram, second, whole.to) : { version: number, sealed: false, report: false };
}

function outerFormV3(datagram: Buffer, header: Part, end: number): OuterForm | null {
  if (header.tag !== SEQUENCE) return null;
  const id = partAt(datagram, header.from, header.to);
  const size = id && partAt(datagram, id.to, header.to);
  const flags = size && partAt(datagram, size.to, header.to);
  if (flags?.tag !== OCTETS || flags.to - flags.from !== 1) return null;
  const security = partAt(datagram, header.to, end);
  const scoped = security && partAt(datagram, security.to, end);
  if (scoped === null) return null;
  const sealed = (datagram[flags.from]! & 3) === 3;
  return { version: 3, sealed, report: !sealed && scoped.tag === SEQUENCE && tagOfPdu(datagram, scoped) === REPORT };
}

/** ScopedPDU = SEQUENCE { contextEngineID, contextName, PDU }. */
function tagOfPdu(datagram: Buffer, scoped: Part): number | null {
  const engine = partAt(datagram, scoped.from, scoped.to);
  const name = engine && partAt(datagram, engine.to, scoped.to);
  return (name && partAt(datagram, name.to, scoped.to))?.tag ?? null;
}

function partAt(bytes: Buffer, at: number, end: number): Part | null {
  if (at + 2 > end) return null;
  const first = bytes[at + 1]!;
  const extra = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || extra > 3 || at + 2 + extra > end) return null;
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra);
  const from = at + 2 + extra;
  return from + length > end ? null : { tag: bytes[at]!, from, to: from + length };
}

/** Who a message of SNMPv3 says that it is from, and when: msgSecurityParameters of RFC 3414, section 2.4, under the digest.
 *   SEQUENCE { engine OCTET STRING, boots INTEGER, time INTEGER, user OCTET STRING, digest OCTET STRING, privacy OCTET STRING } */
export interface Claims {
  /** Hexadecimal. */
  readonly engine: string;
  readonly boots: number;
  readonly seconds: number;
  readonly user: string;
  readonly digest: string;
}

/** Null where it has none that can be read. */
export function claimsOf(datagram: Buffer): Claims | null {
  const whole = partAt(datagram, 0, datagram.length);
  const version = whole && partAt(datagram, whole.from, whole.to);
  const header = version && partAt(datagram, version.to, whole.to);
  const security = header && partAt(datagram, header.to, whole.to);
  const list = security?.tag === OCTETS ? partAt(datagram, security.from, security.to) : null;
  if (list?.tag !== SEQUENCE) return null;
  const [engine, boots, seconds, user, digest] = partsOf(datagram, list);
  if (engine?.tag !== OCTETS || boots?.tag !== INTEGER || seconds?.tag !== INTEGER || user?.tag !== OCTETS || digest?.tag !== OCTETS) return null;
  const octets = ({ from, to }: Part): Buffer => datagram.subarray(from, to);
  const [bootsNumber, secondsNumber] = [wholeNumber(octets(boots)), wholeNumber(octets(seconds))];
  if (bootsNumber === null || secondsNumber === null) return null;
  return { engine: octets(engine).toString('hex'), boots: bootsNumber, seconds: secondsNumber, user: octets(user).toString('utf8'), digest: octets(digest).toString('hex') };
}

/** The PDU of a message that nobody encrypted, without the community before it. */
export function plainPdu(datagram: Buffer, { version, sealed }: OuterForm): { readonly tag: number; readonly octets: Buffer } | null {
  const whole = partAt(datagram, 0, datagram.length);
  if (whole === null || sealed) return null;
  const parts = partsOf(datagram, whole);
  const scoped = version === 3 ? parts[3] : undefined;
  const pdu = version === 3 ? scoped?.tag === SEQUENCE && partsOf(datagram, scoped)[2] : parts[2];
  return pdu ? { tag: pdu.tag, octets: datagram.subarray(pdu.from, pdu.to) } : null;
}

const PARTS_MAX = 8;

function partsOf(bytes: Buffer, { from, to }: Part): Part[] {
  const parts: Part[] = [];
  for (let at = from; at < to && parts.length < PARTS_MAX;) {
    const part = partAt(bytes, at, to);
    if (part === null) return parts;
    parts.push(part);
    at = part.to;
  }
  return parts;
}

function wholeNumber(octets: Buffer): number | null {
  return octets.length === 0 || octets.length > 4 || octets[0]! > 0x7f ? null : octets.readUIntBE(0, octets.length);
}
