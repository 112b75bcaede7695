// SPDX-License-Identifier: Apache-2.0
// Whether each port that is configured is listened on, or could be; who has it, and who forbids it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { portHolders, tryPort, wantedPorts, type WantedPort } from '@strongroom/service/client';
import { check, type Found } from '../check.ts';
import { deniedBind } from '../denials.ts';
import { word } from '../shell.ts';
import { sinceStart, type Patient } from '../patient.ts';

const UNHEARD = 'who sends there is not heard';

export const portsCheck = check({
  name: 'ports',
  codes: {
    'port.taken': { severity: 'bad', seen: 'another process has a port that is configured', why: `${UNHEARD}; a start ends with exit code 78` },
    'port.refused': { severity: 'bad', seen: 'the system does not let us listen on a port (EACCES): a port below 1024, or AppArmor or SELinux', why: `${UNHEARD}, whatever the firewall says` },
    'port.address': { severity: 'bad', seen: 'an address to listen on is none of this machine', why: UNHEARD },
    'port.not-served': { severity: 'bad', seen: 'Strongroom runs and does not listen on a port that is configured', why: UNHEARD },
  },
  async look(patient, say) {
    const { config, status } = patient;
    if (config === null) return say.unseen('the configuration is not valid', 'port.taken', 'port.refused', 'port.address', 'port.not-served');
    const served = new Set((status?.listeners ?? []).map(({ address }) => Number(address.slice(address.lastIndexOf(':') + 1))));
    for (const wanted of wantedPorts(config).filter(({ port }) => port !== 0 && !served.has(port))) {
      const error = await tryPort(wanted);
      // What we may do ourselves now tells of a denial only since the last start: what was forbidden before may be allowed since.
      const denial = error === null || error.code === 'EACCES' ? deniedBind(patient, wanted.port, error === null ? lastStartMs(patient) : 0) : null;
      // It may well be ours, that we may not ask.
      if (error?.code === 'EADDRINUSE' && (patient.silence === 'EACCES' || patient.silence === 'EPERM') && portHolders(wanted.port, wanted.transport).length === 0) {
        say.unseen('ports are taken, perhaps by Strongroom itself: run it as root', 'port.taken', 'port.not-served');
        continue;
      }
      const code = error?.code === 'EADDRINUSE' ? 'port.taken' : error?.code === 'EACCES' || denial !== null ? 'port.refused' : error?.code === 'EADDRNOTAVAIL' ? 'port.address' : null;
      if (code !== null) say.found(code, FOUND[code](wanted, denial));
      else if (status !== null) say.found('port.not-served', notServed(wanted, patient));
    }
  },
});

/** Of Strongroom; it is the time from which on anything is known. */
function lastStartMs({ events }: Patient): number {
  return Date.parse(sinceStart(events)[0]?.time ?? '') || 0;
}

const FOUND = { 'port.taken': taken, 'port.refused': refused, 'port.address': noAddress };

function taken({ port, transport, key }: WantedPort): Found {
  const holders = portHolders(port, transport);
  const who = holders.map(({ pid, name }) => `${name} (process ${pid})`).join(' and ');
  return {
    what: `port ${port}/${transport} is taken by ${who === '' ? 'a process that we may not look into' : who}`,
    fix: holders.some(({ pid }) => pid === 1) ? `systemctl list-sockets | grep ':${port} ' (and stop that socket, or set ${key}.port to another)` : holders.length === 0 ? `sudo ss -lpn 'sport = :${port}' (or set ${key}.port to another)` : `kill ${holders.map(({ pid }) => pid).join(' ')} (stop it by its own means, or set ${key}.port to another)`,
    evidence: { port, transport, key, holder: holders[0]?.name ?? null, pid: holders[0]?.pid ?? null },
  };
}

function refused({ port, transport, key }: WantedPort, denial: ReturnType<typeof deniedBind>): Found {
  const evidence = { port, transport, key, module: denial?.module ?? null, denial: denial?.line ?? null };
  if (denial !== null) return { what: `${denial.module} forbids to listen on port ${port}/${transport}: ${denial.line}`, fix: denial.fix, evidence };
  return port < 1024
    ? { what: `only root may listen on port ${port}/${transport}, and no denial by AppArmor or SELinux is on record`, fix: `sudo npm start (or set ${key}.port above 1023)`, evidence }
    : { what: `listening on port ${port}/${transport} is refused (EACCES), and no denial by AppArmor or SELinux is on record`, fix: `journalctl -k -g 'DENIED|avc:' | tail (as root: strongroom doctor sees more)`, evidence };
}

function noAddress({ port, address, key }: WantedPort): Found {
  return { what: `${address}, where port ${port} is to be listened on, is no address of this machine`, fix: `ip -brief address (then correct ${key}.address)`, evidence: { port, address, key } };
}

function notServed({ port, transport, key }: WantedPort, patient: Patient): Found {
  const evidence = { port, transport, key, profile: profileOf(patient) };
  // A rule that says "deny" leaves no line.
  if (evidence.profile !== null) return { what: `port ${port}/${transport} (${key}) is free and not listened on; AppArmor confines the gateway, profile ${evidence.profile}`, fix: `grep -rn 'deny' /etc/apparmor.d (a rule that says "deny" refuses without a word: take it out or write "audit deny", then: apparmor_parser -r FILE)`, evidence };
  return { what: `port ${port}/${transport} (${key}) is free and not listened on`, fix: `grep '"level":"error"' ${word(patient.paths.events)} | tail -n 5 (a configuration that was changed takes effect at the next start)`, evidence };
}

/** The profile by which AppArmor confines the gateway, or null. */
function profileOf({ status, machine: { proc } }: Patient): string | null {
  const pid = status?.services.find(({ name }) => name === 'gateway')?.pid ?? null;
  if (pid === null) return null;
  try {
    const [, profile = null] = /^(.+) \((?:enforce|kill|prompt)\)\n?$/.exec(readFileSync(join(proc, String(pid), 'attr/apparmor/current'), 'utf8')) ?? [];
    return profile;
  } catch {
    return null;
  }
}
