// SPDX-License-Identifier: Apache-2.0
// Words that several families share.
import type { Words } from './profile.ts';

export const APC_LOAD: Words = { 1: 'low', 2: 'normal', 3: 'near-overload', 4: 'overload', 5: 'unknown' };
export const APC_LIMITS: Words = { 1: 'absent', 2: 'below-critical', 3: 'below-warning', 4: 'normal', 5: 'above-warning', 6: 'above-critical' };
export const EATON_LIMITS: Words = { 0: 'normal', 1: 'below-warning', 2: 'below-critical', 3: 'above-warning', 4: 'above-critical' };
export const EATON_PHASES: Words = { 1: 'L1-N', 2: 'L1-N', 3: 'L2-N', 4: 'L3-N', 5: 'L1-L2', 6: 'L2-L3', 7: 'L3-L1' };
