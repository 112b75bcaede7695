// SPDX-License-Identifier: Apache-2.0
// Lines out of octets that auditd wrote. Holds at most one unfinished line.
const LF = 0x0a;
/** auditd writes no longer ones; beyond, the octets are given out as they are. */
const LINE_BYTES_MAX = 65_536;

export class PluginLines {
  #rest = Buffer.alloc(0);

  /** The lines that `octets` complete, without LF. */
  push(octets: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = all.indexOf(LF); at >= 0; at = all.indexOf(LF, from)) {
      if (at > from) lines.push(all.subarray(from, at));
      from = at + 1;
    }
    const rest = all.subarray(from);
    if (rest.length > LINE_BYTES_MAX) lines.push(rest);
    this.#rest = rest.length > LINE_BYTES_MAX ? Buffer.alloc(0) : Buffer.from(rest);
    return lines;
  }

  /** What is left of a line that was not finished. */
  end(): Buffer | null {
    return this.#rest.length === 0 ? null : this.#rest;
  }
}
