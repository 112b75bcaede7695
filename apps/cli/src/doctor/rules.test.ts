// SPDX-License-Identifier: Apache-2.0
// Rules that real nft took, in a network of the test's own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { blockersOf } from './rules.ts';

const skip = process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0 ? false : 'there is no root, or no nft, to make a firewall in a network of its own';
const PORT = { transport: 'tcp', port: 6514 } as const;
const LOOPBACK_AND_ANSWERS = 'iifname "lo" accept; ct state established,related accept;';

const CASES: readonly (readonly [what: string, ruleset: string, expected: readonly (readonly [whom: string, byRule: boolean])[]])[] = [
  ['no rules', '', []],
  ['a rule that drops the port', 'chain i { type filter hook input priority 0; tcp dport 6514 counter drop; }', [['all', true]]],
  ['a rule that rejects a range with the port', 'chain i { type filter hook input priority 0; tcp dport 6000-7000 reject; }', [['all', true]]],
  ['a rule that drops other ports', 'chain i { type filter hook input priority 0; tcp dport { 22, 80 } drop; udp dport 6514 drop; }', []],
  ['a policy that drops what no rule takes', `chain i { type filter hook input priority 0; policy drop; ${LOOPBACK_AND_ANSWERS} tcp dport { 22, 443 } accept; }`, [['all', false]]],
  ['a policy that drops, and a rule that takes the port', `chain i { type filter hook input priority 0; policy drop; ${LOOPBACK_AND_ANSWERS} tcp dport { 22, 6514 } accept; }`, []],
  ['a policy that drops, and a rule that takes it from a net', `chain i { type filter hook input priority 0; policy drop; ip saddr 10.0.0.0/8 tcp dport 6514 accept; }`, []],
  ['a rule that drops it from a net', 'chain i { type filter hook input priority 0; ip saddr 10.0.0.0/8 tcp dport 6514 counter drop; }', [['some', true]]],
  ['a limit on new connections', 'chain i { type filter hook input priority 0; tcp dport 6514 ct state new limit rate over 10/second counter drop; }', [['some', true]]],
  ['a chain that is jumped to and drops', 'chain w { tcp dport 6514 drop; } chain i { type filter hook input priority 0; jump w; }', [['all', true]]],
  ['a chain that is jumped to and takes it', 'chain w { tcp dport 6514 accept; } chain i { type filter hook input priority 0; policy drop; jump w; }', []],
  ['a chain that returns before it drops', 'chain w { tcp dport 6514 return; drop; } chain i { type filter hook input priority 0; jump w; }', []],
  ['a drop before the input', 'chain p { type filter hook prerouting priority -300; tcp dport 6514 drop; }', [['all', true]]],
  ['a drop of what goes out', 'chain o { type filter hook output priority 0; tcp dport 6514 drop; }', []],
  ['everything but the port', 'chain i { type filter hook input priority 0; tcp dport != 6514 drop; }', []],
];

test('what nft drops is told, and what it lets through is not', { skip }, () => {
  const script = CASES.map(([, rules]) => `nft flush ruleset; nft -f - <<'END'\ntable inet t {\n${rules.replaceAll(' chain ', '\nchain ')}\n}\nEND\nnft -j list ruleset; echo`).join('\n');
  const { stdout, stderr, status } = spawnSync('unshare', ['--net', 'sh', '-e', '-c', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const said = stdout.split('\n').filter((line) => line !== '');
  assert.equal(said.length, CASES.length);
  for (const [index, [what, , expected]] of CASES.entries()) {
    assert.deepEqual(blockersOf(said[index]!, PORT).map(({ whom, handle }) => [whom, handle !== null]), expected, what);
  }
});

test('packets that met a rule are counted', { skip }, () => {
  const script = "ip link set lo up; nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'; nft add rule inet t i tcp dport 6514 counter drop; timeout 2 sh -c ': </dev/tcp/127.0.0.1/6514' 2>/dev/null || timeout 1 bash -c ': </dev/tcp/127.0.0.1/6514' || true; nft -j list ruleset";
  const { stdout } = spawnSync('unshare', ['--net', 'sh', '-c', script], { encoding: 'utf8' });
  assert.ok(Number(blockersOf(stdout, PORT)[0]?.packets) > 0);
});
