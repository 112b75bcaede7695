// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-proof: an entry of a log, shown by its index, its audit path and a signed checkpoint, in one text file:
//   c2sp.org/tlog-proof@v1
//   extra <base64>              optional, nothing vouches for it
//   index <decimal>
//   <base64 hash>               as many as the path has
//   (an empty line, and the signed note)
import { Refused } from '@strongroom/bytes';

const HEADER = 'c2sp.org/tlog-proof@v1\n';
const PATH_MAX = 63;
const OCTETS_MAX = 256 * 1024;
const HASH = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

export interface TlogProof {
  /** Unauthenticated. */
  readonly extra: Buffer | null;
  readonly index: number;
  readonly path: readonly Buffer[];
  /** The signed note, unchecked. */
  readonly checkpoint: string;
}

export function encodeTlogProof({ extra, index, path, checkpoint }: TlogProof): string {
  const said = extra === null ? '' : `extra ${extra.toString('base64')}\n`;
  return `${HEADER}${said}index ${index}\n${path.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${checkpoint}`;
}

/** Reads the form alone: neither path nor signatures are checked. Throws `Refused('tlog-proof.malformed')`. */
export function decodeTlogProof(text: string): TlogProof {
  if (text.length > OCTETS_MAX || !text.startsWith(HEADER)) throw malformed('it does not begin as one');
  const end = text.indexOf('\n\n');
  const lines = text.slice(HEADER.length, end).split('\n');
  const extra = lines[0]?.startsWith('extra ') === true ? base64(lines.shift()!.slice('extra '.length)) : null;
  const index = Number(/^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '')?.[1] ?? NaN);
  if (end < 0 || !Number.isSafeInteger(index)) throw malformed('its index is missing');
  if (lines.length > PATH_MAX || !lines.every((line) => HASH.test(line))) throw malformed('a line of its path is no hash');
  return { extra, index, path: lines.map((line) => Buffer.from(line, 'base64')), checkpoint: text.slice(end + 2) };
}

function base64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed('its extra data is not plain base64');
  return bytes;
}

function malformed(why: string): Refused {
  return new Refused('tlog-proof.malformed', 'this is no proof of a log entry', { why });
}
