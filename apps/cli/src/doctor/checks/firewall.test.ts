// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const COMMAND = join(import.meta.dirname, '../../../bin/strongroom');
const skip = process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0 ? false : 'there is no root, or no nft, to make a firewall in a network of its own';

test('a firewall that drops a port that is configured is told with its chain, and what to insert; one without rules is not', { skip }, () => {
  const rules = "nft add table inet filter; nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'; nft add rule inet filter input tcp dport 2514 accept";
  const doctor = `"${COMMAND}" doctor --home /nowhere -o json || true`;
  const { stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', `${doctor}; ${rules}; ${doctor}`], { encoding: 'utf8', env: { ...process.env, STRONGROOM_CONFIG: '' } });
  const [open, closed] = stdout.trim().split('\n').map((line) => (JSON.parse(line) as { findings: { code: string; fix: string; evidence: Record<string, unknown> }[] }).findings.filter(({ code }) => code.startsWith('firewall.')));
  assert.deepEqual(open, [], stderr);
  assert.deepEqual(closed!.map(({ code, evidence }) => [code, evidence['port'], evidence['chain']]), [['firewall.drop', 6514, 'inet filter input']]);
  assert.ok(closed![0]!.fix.startsWith('nft insert rule inet filter input tcp dport 6514 accept'));
});
