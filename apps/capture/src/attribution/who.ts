// SPDX-License-Identifier: Apache-2.0
// Member `who` of an event, as JSON: docs/FORMAT.md, "Who". What is not known is null.
import { isUtf8 } from 'node:buffer';
import type { Place } from './place.ts';
import { ANCESTORS_MAX, type Process } from './process-table.ts';

/** A name or a path of a program in the record; the rest is left out, and the exec event has it. */
const TEXT_BYTES_MAX = 512;
/** All of it. */
export const WHO_BYTES_MAX = 128 * 1024;

/** Everything but the ancestry; the object stays open. Written for speed, as all that each new process comes by. */
export function openedWho({ image }: Process, place: Place | null, person: string | null): string {
  const executable = image === null ? 'null' : `${JSON.stringify(image.executable)}${image.escaped ? ',"escaped":true' : ''}`;
  return `,"who":{"person":${person === null ? 'null' : JSON.stringify(person)},${place === null ? NO_PLACE : placeText(place)},"executable":${executable}`;
}

const NO_PLACE = '"unit":null,"container":null,"cgroup":null';
const placeTexts = new WeakMap<Place, string>();

function placeText(place: Place): string {
  let text = placeTexts.get(place);
  if (text === undefined) placeTexts.set(place, text = JSON.stringify(placeMembers(place)).slice(1, -1));
  return text;
}

function placeMembers(place: Place | null): Record<string, unknown> {
  const { cgroup = null, unit = null, userUnit, container = null } = place ?? {};
  return { unit, ...(userUnit === undefined ? {} : { userUnit }), container, cgroup };
}

export type From = 'ebpf' | 'proc' | 'audit';

interface Facts {
  readonly place: Place | null;
  readonly person: string | null;
  readonly ancestors: readonly Process[];
}

/** A record of its own. `found`: by what it is known, and when. */
export function processLine(process: Process, { place, person, ancestors }: Facts, found: { readonly from: From; readonly gone?: true; readonly asOf: number }): string {
  const { pid, startedText, name, nameEscaped, login, image } = process;
  const before = {
    pid, started: asWritten(startedText), name, ...(nameEscaped ? { escaped: true } : {}), login, person, ...placeMembers(place),
    executable: image?.executable ?? null, ...(image?.escaped === true ? { escaped: true } : {}),
  };
  return `${JSON.stringify(before).slice(0, -1)},"ancestry":${ancestryOf(process, ancestors)},${JSON.stringify(found).slice(1)}`;
}

/** Whether ancestors are known up to where there is none, or to as many as are told. */
export function isWhole(process: Process, ancestors: readonly Process[]): boolean {
  return ancestors.length >= ANCESTORS_MAX || (ancestors.at(-1) ?? process).parentPid === 0;
}

/** A JSON list, parent first. The last one has nothing but its id where it is not known. */
export function ancestryOf(process: Process, ancestors: readonly Process[]): string {
  let text = '[';
  for (const ancestor of ancestors) text += `${text === '[' ? '' : ','}${ancestor.asAncestor ??= ancestorText(ancestor)}`;
  if (!isWhole(process, ancestors)) text += `${text === '[' ? '' : ','}{"pid":${(ancestors.at(-1) ?? process).parentPid},"started":null,"name":null,"executable":null}`;
  return `${text}]`;
}

function ancestorText({ pid, startedText, name, nameEscaped, image }: Process): string {
  const escaped = image?.escaped === true || nameEscaped ? ',"escaped":true' : '';
  return `{"pid":${pid},"started":${startedText},"name":${JSON.stringify(name)},"executable":${JSON.stringify(image?.executable ?? null)}${escaped}}`;
}

const json = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** A number or null as it is written, with all its digits. */
function asWritten(text: string): unknown {
  return json.rawJSON(text);
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
