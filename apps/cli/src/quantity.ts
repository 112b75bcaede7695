// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them. `-o json` never goes through here.

/** `1,234,567` */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `0 B`, `999 B`, `1.5 KiB`, `12 MiB` */
export function bytes(value: number): string {
  let [scaled, unit] = [value, 0];
  while (scaled >= 1023.5 && unit < UNITS.length - 1) [scaled, unit] = [scaled / 1024, unit + 1];
  return `${unit > 0 && scaled < 9.95 ? scaled.toFixed(1) : Math.round(scaled)} ${UNITS[unit]}`;
}

/** `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h` */
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return two(whole, 60, 'min', 's');
  return whole < 86_400 ? two(Math.round(whole / 60), 60, 'h', 'min') : two(Math.round(whole / 3600), 24, 'd', 'h');
}

function two(value: number, per: number, large: string, small: string): string {
  const rest = value % per;
  return `${Math.floor(value / per)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** A number with its noun: `1 record`, `2 records`. */
export function some(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** How many were lost, as far as anybody could count. */
export function lostText({ count: lost, uncounted }: { readonly count: number; readonly uncounted: number }): string {
  if (uncounted === 0) return lost === 0 ? '-' : count(lost);
  return lost === 0 ? 'not counted' : `${count(lost)} and more`;
}
