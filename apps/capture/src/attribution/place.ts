// SPDX-License-Identifier: Apache-2.0
// Where a process runs, by the path of its cgroup: systemd's unit, and the container.
import { POD, SPELLINGS } from './place.table.ts';

export interface Container {
  /** Null: its cgroup does not say. */
  readonly runtime: string | null;
  readonly id: string;
  /** UID of its Kubernetes pod. */
  readonly pod?: string;
}

export interface Place {
  readonly cgroup: string;
  /** Of the machine's systemd; as systemd itself sees it, what is not a slice comes first. */
  readonly unit: string | null;
  /** Of a user's systemd inside of `user@….service`. */
  readonly userUnit?: string;
  readonly container: Container | null;
}

const UNIT = /^[^/]+\.(?:service|scope|socket|mount|swap|automount|device|path|target|timer)$/;
const USER_MANAGER = /^user@\d+\.service$/;

/** `path` from the root of a hierarchy. `/..` at its beginning: it lies outside of the cgroup namespace in which it was read. */
export function placeOf(path: string): Place {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  const at = names.findIndex((name) => !name.endsWith('.slice'));
  const unit = at >= 0 && UNIT.test(names[at]!) ? names[at]! : null;
  const userUnit = unit !== null && USER_MANAGER.test(unit) ? names.slice(at + 1).find((name) => UNIT.test(name)) : undefined;
  return { cgroup: path, unit, ...(userUnit === undefined ? {} : { userUnit }), container: containerOf(names) };
}

/** The innermost one. */
function containerOf(names: readonly string[]): Container | null {
  for (let index = names.length - 1; index >= 0; index -= 1) {
    for (const { runtime, name, parent } of SPELLINGS) {
      const id = name.exec(names[index]!)?.[1];
      if (id === undefined || (parent !== undefined && !parent.test(names[index - 1] ?? ''))) continue;
      const pod = names.map((one) => POD.exec(one)?.[1]).findLast((one) => one !== undefined)?.replaceAll('_', '-');
      return { runtime, id: id.replaceAll('\\x2d', '-'), ...(pod === undefined ? {} : { pod }) };
    }
  }
  return null;
}

/** Of what several hierarchies say of one process, the one that says most: each runtime and systemd may use another. */
export function bestPlace(paths: readonly (string | null)[]): Place | null {
  const all = paths.filter((path) => path !== null).map(placeOf);
  const worth = ({ container, unit, cgroup }: Place): number => (container === null ? 0 : 4) + (unit === null ? 0 : 2) + (cgroup === '/' ? 0 : 1);
  return all.reduce<Place | null>((best, place) => (best === null || worth(place) > worth(best) ? place : best), null);
}
