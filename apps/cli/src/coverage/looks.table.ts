// SPDX-License-Identifier: Apache-2.0
// How each cause looks in the picture: a colour that most can tell from the others, and a pattern for those who cannot, and for paper.
import type { Cause } from '@strongroom/service/coverage';

export interface Look {
  readonly words: string;
  readonly colour: string;
  /** Lines of the pattern, and the outline. */
  readonly dark: string;
  /** A path in a square of 6; empty: plain. */
  readonly pattern: string;
}

export const CAUSE_LOOKS: Readonly<Record<Cause, Look>> = {
  'power-loss': { words: 'power loss', colour: '#d55e00', dark: '#5c2800', pattern: '' },
  panic: { words: 'kernel panic', colour: '#9d1c1c', dark: '#3d0808', pattern: 'M0 0L6 6M6 0L0 6' },
  'watchdog-reset': { words: 'watchdog reset', colour: '#cc79a7', dark: '#5f2347', pattern: 'M3 0V6M0 3H6' },
  reset: { words: 'reset', colour: '#e69f00', dark: '#6b4a00', pattern: 'M3 0V6' },
  'clean-shutdown': { words: 'clean shutdown', colour: '#b9c2c7', dark: '#4c585e', pattern: 'M-1 7L7 -1M-1 1L1 -1M5 7L7 5' },
  'service-crash': { words: 'service crash', colour: '#0072b2', dark: '#00304c', pattern: 'M0 3H6' },
  suspended: { words: 'suspended', colour: '#8fd0f2', dark: '#1d5878', pattern: 'M1.5 1.5H2.5M4.5 4.5H5.5' },
  stalled: { words: 'stalled', colour: '#009e73', dark: '#003d2c', pattern: 'M-1 -1L7 7M5 -1L7 1M-1 5L1 7' },
  'clock-step': { words: 'clock set', colour: '#f0e442', dark: '#6f6800', pattern: '' },
  'network-loss': { words: 'network loss', colour: '#7b5fb5', dark: '#2c1a55', pattern: 'M0 1.5H6M0 4.5H6' },
  'silent-source': { words: 'silent source', colour: '#a0826d', dark: '#463327', pattern: 'M1.5 0V6M4.5 0V6' },
  unknown: { words: 'unknown', colour: '#ffffff', dark: '#000000', pattern: 'M0 0L6 6M6 0L0 6' },
};
