// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const COMMAND = join(import.meta.dirname, '../../../bin/strongroom');
const DOCTOR = `"${COMMAND}" doctor --home /nowhere -o json || true`;
const skip = process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0 ? false : 'there is no root, or no nft, to make a firewall in a network of its own';

test('a firewall that drops a port that is configured is told with its chain, and what to insert; one without rules is not', { skip }, () => {
  const rules = "nft add table inet filter; nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'; nft add rule inet filter input tcp dport 2514 accept";
  const { stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', `${DOCTOR}; ${rules}; ${DOCTOR}`], { encoding: 'utf8', env: { ...process.env, STRONGROOM_CONFIG: '' } });
  const [open, closed] = firewallFindings(stdout);
  assert.deepEqual(open, [], stderr);
  assert.deepEqual(closed!.map(({ code, evidence }) => [code, evidence['port'], evidence['chain']]), [['firewall.drop', 6514, 'inet filter input']]);
  assert.ok(closed![0]!.fix.startsWith('nft insert rule inet filter input tcp dport 6514 accept'));
});

test('a rule that turned some senders away is told with how many packets met it, and not before', { skip }, () => {
  const rules = "ip link set lo up; nft add table inet filter; nft add chain inet filter input '{ type filter hook input priority 0; }'; nft add rule inet filter input ip saddr 127.0.0.0/8 tcp dport 6514 counter reject with tcp reset";
  const { stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', `${rules}; ${DOCTOR}; bash -c ': </dev/tcp/127.0.0.1/6514' 2>/dev/null; ${DOCTOR}`], { encoding: 'utf8', env: { ...process.env, STRONGROOM_CONFIG: '' } });
  const [before, after] = firewallFindings(stdout);
  assert.deepEqual(before, [], stderr);
  assert.deepEqual(after!.map(({ code, evidence }) => [code, evidence['port'], Number(evidence['packets']) > 0]), [['firewall.some', 6514, true]]);
});

interface Seen { readonly code: string; readonly fix: string; readonly evidence: Record<string, unknown> }

/** Of each time that it was asked. */
function firewallFindings(stdout: string): Seen[][] {
  return stdout.trim().split('\n').map((line) => (JSON.parse(line) as { findings: Seen[] }).findings.filter(({ code }) => code.startsWith('firewall.')));
}
