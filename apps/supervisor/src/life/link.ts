// SPDX-License-Identifier: Apache-2.0
// Whether this machine has a network at all.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LINKS_MAX = 1000;

/**
 * Whether every link is down that leads out: those of the machine's own hardware; where there are none, as in a container, those that
 * hang on another link (veth, macvlan). Null: none of either says. `sys`: where sysfs is mounted.
 */
export function linkDown(sys: string): boolean | null {
  const all = linksIn(join(sys, 'class/net'));
  const hardware = all.filter((link) => statSync(join(link, 'device'), { throwIfNoEntry: false }) !== undefined);
  const leading = hardware.length > 0 ? hardware : all.filter((link) => valueOf(link, 'iflink') !== valueOf(link, 'ifindex'));
  const states = leading.map((link) => valueOf(link, 'operstate'));
  return states.length === 0 ? null : states.every((state) => state !== 'up' && state !== 'unknown');
}

function linksIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).slice(0, LINKS_MAX).map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** Of a link that is gone since it was listed it is not known. */
function valueOf(link: string, file: string): string {
  try {
    return readFileSync(join(link, file), 'latin1').trim();
  } catch {
    return 'unknown';
  }
}
