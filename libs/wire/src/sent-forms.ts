// SPDX-License-Identifier: Apache-2.0
// The forms in which a producer may have kept what it sent: its log file holds lines, and what we got is a syslog message
// with that line inside. In this order, each once:
//   the record as it was received · without the line end behind it · without its priority · the message after the header,
//   of RFC 5424 or RFC 3164 · the same without one space before it, which rsyslog puts there
import { hash } from 'node:crypto';

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Longer headers are none: RFC 5424 bounds each of their fields, and structured data is short in practice. */
const HEADER_BYTES_MAX = 8192;
/** Of a SHA-256: nobody finds a second text for so many octets either, and a list takes less room. */
export const DIGEST_BYTES = 16;
const PRIORITY = /^<[0-9]{1,3}>/;
/** VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA, RFC 5424 section 6. */
const HEADER_5424 = /^1 (?:[^ ]+ ){5}(?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: |$)/;
/** TIMESTAMP HOSTNAME TAG, RFC 3164 section 4; many senders write the time of RFC 3339. */
const HEADER_3164 = /^(?:[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ ]+) [^ ]+ (?:[^ :[\]]{1,64}(?:\[[^\]]{0,64}\])?: ?)?/;

/**
 * The forms of a record as a list of producers is compared with them: u8 how many, then the first {@link DIGEST_BYTES} of the
 * SHA-256 of each. `fullHash`: of a record that was cut, SHA-256 of all that arrived.
 */
export function formDigests(raw: Buffer, fullHash?: Buffer): Buffer {
  const digests: Buffer[] = formsOf(raw).map((form) => hash('sha256', form, 'buffer').subarray(0, DIGEST_BYTES));
  if (fullHash !== undefined) digests.push(fullHash.subarray(0, DIGEST_BYTES));
  return Buffer.concat([Buffer.of(digests.length), ...digests]);
}

export function formsOf(raw: Buffer): Buffer[] {
  const trimmed = withoutLineEnd(raw);
  const forms = trimmed.length === raw.length ? [raw] : [raw, trimmed];
  const head = trimmed.toString('latin1', 0, HEADER_BYTES_MAX);
  const [priority = ''] = PRIORITY.exec(head) ?? [];
  if (priority === '') return forms;
  const rest = trimmed.subarray(priority.length);
  forms.push(rest);
  const text = head.slice(priority.length);
  const [header] = HEADER_5424.exec(text) ?? HEADER_3164.exec(text) ?? [];
  if (header === undefined) return forms;
  const message = withoutMark(rest.subarray(header.length));
  forms.push(message);
  if (message[0] === SP) forms.push(message.subarray(1));
  return forms;
}

function withoutLineEnd(line: Buffer): Buffer {
  let end = line.length;
  if (line[end - 1] === LF) end -= 1;
  if (line[end - 1] === CR) end -= 1;
  return line.subarray(0, end);
}

function withoutMark(message: Buffer): Buffer {
  return message.subarray(0, BOM.length).equals(BOM) ? message.subarray(BOM.length) : message;
}
