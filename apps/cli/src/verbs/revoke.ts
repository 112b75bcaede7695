// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { checkName } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';
import { ROLE_OPTION } from './enrolling.ts';

const REASON_CHARACTERS_MAX = 500;

export const revoke = verb({
  details: ['Takes effect on live connections within a second, and is recorded. What was sealed before stays. The name can be enrolled again, with a new key.'],
  arguments: [{ name: 'name', description: 'The source, reader or custodian', required: true }],
  options: { reason: { kind: 'text', value: 'TEXT', description: 'Why, for the record; it must be given' }, role: ROLE_OPTION },
  examples: [{ command: "strongroom revoke web-01 --reason 'machine retired'", what: 'Its connections close at once' }],
  async run(call) {
    const name = checkName(call.arguments.name);
    const { role } = call.options;
    const reason = checkedReason(call.options.reason, name);
    const client = await openControl(call.paths);
    try {
      const result = (await client.call('revoke', { name, role, reason })) as Record<string, unknown> | null;
      await writeValue(call, { name, role, reason, ...result }, () => [`${role} ${name} is revoked: its connections are closed, and it cannot connect again.`]);
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

function checkedReason(reason: string | undefined, name: string): string {
  const given = reason?.trim() ?? '';
  if (given !== '' && given.length <= REASON_CHARACTERS_MAX) return given;
  throw new Refused('usage.reason', 'a revocation needs its reason', {
    why: given === '' ? 'it is part of the evidence' : `${given.length} characters are given, the limit is ${REASON_CHARACTERS_MAX}`,
    fix: `strongroom revoke ${name} --reason 'machine retired'`,
  });
}
