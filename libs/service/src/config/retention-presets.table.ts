// SPDX-License-Identifier: Apache-2.0
// Durations that frameworks name or leave to you, with where that stands. A preset is a beginning, not advice.

export interface RetentionPreset {
  readonly keepDays: number;
  /** Why so long. */
  readonly basis: string;
  readonly source: string;
}

export const RETENTION_PRESETS: Readonly<Record<string, RetentionPreset>> = {
  'soc2-type2': {
    keepDays: 457,
    basis: 'the 12 months that a Type 2 report customarily covers, and 3 months to examine and issue it',
    source: 'AICPA Trust Services Criteria (2017, points of focus 2022), CC7.2 and C1.2: no number; your own policy is what is examined',
  },
  'iso-27001': {
    keepDays: 1096,
    basis: 'one certification cycle of three years, so that every audit in it can look back to its beginning',
    source: 'ISO/IEC 27001:2022 Annex A 5.33 and 8.15: no number; a retention schedule of your own is asked for',
  },
  'fedramp-au-11': {
    keepDays: 913,
    basis: '30 months: 12 in active and 18 in cold storage',
    source: 'FedRAMP Rev. 5 AU-11: a period in compliance with OMB M-21-31 (appendix C: 12 months active, 18 months cold); at least 90 days on-line',
  },
};
