// SPDX-License-Identifier: Apache-2.0
// Where the hierarchies are mounted that the probe numbers cgroups of: v2, and that of the pids controller in v1.
import { readFileSync } from 'node:fs';

export type Hierarchy = 'v2' | 'v1';

export interface CgroupMounts {
  readonly v2: string | null;
  readonly v1: string | null;
}

/** By mountinfo; only mounts of the whole hierarchy count: of a part the paths would not be known. */
export function cgroupMounts(mountinfo = readMountinfo()): CgroupMounts {
  const mounts: { v2: string | null; v1: string | null } = { v2: null, v1: null };
  for (const line of mountinfo.split('\n')) {
    const [place = '', system = ''] = line.split(' - ');
    const [, , , root, point] = place.split(' ');
    const [type, , options = ''] = system.split(' ');
    if (root !== '/' || point === undefined) continue;
    if (type === 'cgroup2') mounts.v2 ??= unescaped(point);
    if (type === 'cgroup' && options.split(',').includes('pids')) mounts.v1 ??= unescaped(point);
  }
  return mounts;
}

/** In /proc/PID/cgroup, the path in a hierarchy. */
export function pathIn(hierarchy: Hierarchy, cgroups: ReadonlyMap<string, string>): string | null {
  if (hierarchy === 'v2') return cgroups.get('v2') ?? null;
  for (const [controllers, path] of cgroups) if (controllers.split(',').includes('pids')) return path;
  return null;
}

function readMountinfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
