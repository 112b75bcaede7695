// SPDX-License-Identifier: Apache-2.0
// Whether this machine has a network at all.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn, textOr } from './said-in-files.ts';

/**
 * Whether every link is down that leads out: those of the machine's own hardware; where there are none, as in a container, those that
 * hang on another link (veth, macvlan). Null: none of either says. `sys`: where sysfs is mounted.
 */
export function linkDown(sys: string): boolean | null {
  const links = join(sys, 'class/net');
  const all = namesIn(links).map((name) => join(links, name));
  const hardware = all.filter((link) => statSync(join(link, 'device'), { throwIfNoEntry: false }) !== undefined);
  const leading = hardware.length > 0 ? hardware : all.filter((link) => valueOf(link, 'iflink') !== valueOf(link, 'ifindex'));
  const states = leading.map((link) => valueOf(link, 'operstate'));
  return states.length === 0 ? null : states.every((state) => state !== 'up' && state !== 'unknown');
}

/** Of a link that is gone since it was listed it is not known. */
function valueOf(link: string, file: string): string {
  return textOr(join(link, file), 'unknown').trim();
}
