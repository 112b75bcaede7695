// SPDX-License-Identifier: Apache-2.0
// What the verbs about identities have in common.
export const ROLE_OPTION = {
  kind: 'text', value: 'ROLE', default: 'source', choices: ['source', 'reader', 'custodian'],
  description: 'A source sends, a reader reads evidence, a custodian approves what no one person may do',
} as const;
