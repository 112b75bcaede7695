// SPDX-License-Identifier: Apache-2.0
// Whether this machine's own packet filter keeps senders from a port that is listened on.
import { spawnSync } from 'node:child_process';
import { wantedPorts } from '@strongroom/service/client';
import { count } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import { blockersOf, type Blocker, type Packet } from '../rules.ts';
import { word } from '../shell.ts';
import type { Patient } from '../patient.ts';

const COMMAND_MS_MAX = 5000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

const CODES = {
  'firewall.drop': { severity: 'bad', seen: "this machine's packet filter drops or rejects what comes to a port that is configured", why: 'senders get no answer (a drop) or are refused (a reject), though the listener is there' },
  'firewall.some': { severity: 'weak', seen: 'a rule that is about a port of ours has turned some senders away', why: 'if those are senders of yours, they are not heard; a limit on new connections does that too' },
} as const;
type Code = keyof typeof CODES;

export const firewallCheck = check({
  name: 'firewall',
  codes: CODES,
  look(patient, say: Say<Code>) {
    const { status, stdout, error } = spawnSync('nft', ['-j', 'list', 'ruleset'], { encoding: 'utf8', timeout: COMMAND_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX, stdio: ['ignore', 'pipe', 'ignore'] });
    if (error !== undefined || status !== 0) return say.unseen(error === undefined ? 'only root may see the rules of nftables' : 'there is no nft here (package nftables)', 'firewall.drop', 'firewall.some');
    for (const packet of packetsFor(patient)) {
      for (const blocker of blockersOf(stdout, packet)) tell(packet, blocker, say);
    }
  },
});

/** What is for the network: metrics are for this machine, and so is a loopback address. */
function packetsFor({ config, status }: Patient): Packet[] {
  const wanted = config === null ? [] : wantedPorts(config).filter(({ key, address, port }) => key !== 'supervisor.metrics' && port !== 0 && !isLoopback(address)).map(({ transport, port }) => ({ transport, port }));
  const open = (status?.listeners ?? []).filter(({ protocol, address }) => protocol !== 'metrics' && !isLoopback(address.slice(0, address.lastIndexOf(':'))))
    .map(({ protocol, address }) => ({ transport: protocol.endsWith('udp') ? 'udp' as const : 'tcp' as const, port: Number(address.slice(address.lastIndexOf(':') + 1)) }));
  return [...new Map([...wanted, ...open].map((one) => [`${one.port}/${one.transport}`, one])).values()];
}

function isLoopback(address: string): boolean {
  return address === '::1' || address === '[::1]' || address.startsWith('127.');
}

function tell({ port, transport }: Packet, { chain, handle, packets, whom }: Blocker, say: Say<Code>): void {
  const where = handle === null ? `the policy of chain "${chain}"` : `rule ${handle} of chain "${chain}"`;
  const named = chain.split(' ').map(word).join(' ');
  const counted = packets === null ? '' : `; ${count(packets)} packets met it so far`;
  const evidence = { port, transport, chain, handle, packets };
  const fix = `nft insert rule ${named} ${transport} dport ${port} accept (and the same in /etc/nftables.conf, or by what manages it)`;
  if (whom === 'all') say.found('firewall.drop', { what: `${where} keeps everybody from port ${port}/${transport}${counted}`, fix, evidence });
  else if (packets !== null && packets > 0) say.found('firewall.some', { what: `${where} keeps some from port ${port}/${transport}${counted}`, fix: `nft -a list chain ${named} (whom it is about)`, evidence });
}
