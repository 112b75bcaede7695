// SPDX-License-Identifier: Apache-2.0
// Member `who` of an event, as JSON: docs/FORMAT.md, "Who". What is not known is null.
import { isUtf8 } from 'node:buffer';
import type { Place } from './place.ts';
import { ANCESTORS_MAX, type Process } from './process-table.ts';

/** A name or a path of a program in the record; the rest is left out, and the exec event has it. */
const TEXT_BYTES_MAX = 512;
/** All of it. */
export const WHO_BYTES_MAX = 128 * 1024;

/** Everything but the ancestry; the object stays open. */
export function openedWho(process: Process, place: Place | null, person: string | null): string {
  return `,"who":${JSON.stringify(factsOf(process, place, person)).slice(0, -1)}`;
}

export function factsOf({ image }: Process, place: Place | null, person: string | null): Record<string, unknown> {
  const { cgroup = null, unit = null, userUnit, container = null } = place ?? {};
  return {
    person, unit, ...(userUnit === undefined ? {} : { userUnit }), container, cgroup,
    executable: image?.executable ?? null, ...(image?.escaped === true ? { escaped: true } : {}),
  };
}

/** Whether ancestors are known up to where there is none, or to as many as are told. */
export function isWhole(process: Process, ancestors: readonly Process[]): boolean {
  return ancestors.length >= ANCESTORS_MAX || (ancestors.at(-1) ?? process).parentPid === 0;
}

/** Parent first. The last one has nothing but its id where it is not known. */
export function ancestryOf(process: Process, ancestors: readonly Process[]): unknown[] {
  const all: unknown[] = ancestors.map(({ pid, startedText, name, nameEscaped, image }) => ({
    pid, started: digits(startedText), name, executable: image?.executable ?? null, ...(image?.escaped === true || nameEscaped ? { escaped: true } : {}),
  }));
  if (!isWhole(process, ancestors)) all.push({ pid: (ancestors.at(-1) ?? process).parentPid, started: null, name: null, executable: null });
  return all;
}

const json = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** All digits of a number, where JSON's own numbers may have fewer. */
export function digits(text: string): unknown {
  return text === 'null' ? null : json.rawJSON(text);
}

/** Octets that are no UTF-8 stand as `\xNN`, and so does each backslash beside them. */
export function spelt(octets: Buffer): { readonly text: string; readonly escaped: boolean } {
  if (octets.length > TEXT_BYTES_MAX) return spelt(wholeCharacters(octets.subarray(0, TEXT_BYTES_MAX)));
  if (isUtf8(octets)) return { text: octets.toString(), escaped: false };
  return { text: octets.toString('latin1').replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`), escaped: true };
}

/** Without the beginning of a character at its end. */
function wholeCharacters(octets: Buffer): Buffer {
  for (let less = 0; less < 4; less += 1) if (isUtf8(octets.subarray(0, octets.length - less))) return octets.subarray(0, octets.length - less);
  return octets;
}
