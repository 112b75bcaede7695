// SPDX-License-Identifier: Apache-2.0
import { examine, type Diagnosis } from '../doctor/examine.ts';
import { patientOf } from '../doctor/patient.ts';
import { CHECKS, WAY_CHECKS } from '../doctor/registry.ts';
import { diagnosisLines } from '../doctor/screen.ts';
import { wayOf } from '../doctor/way.ts';
import { writeValue } from '../output.ts';
import { EXIT, verb } from '../verb.ts';

export const doctor = verb({
  details: [
    'Looks at the configuration, services, ports, firewall, certificates, clock, disk, keys, limits and what the kernel offers, also and '
      + 'above all while nothing runs. It changes nothing and tells no secret. Each finding has a code that stays the same, what was seen, why '
      + 'it matters, and a command that puts it right; docs/OPERATING.md lists the codes. As root it sees most.',
    'With --to it looks from where a producer stands: whether the name resolves, somebody answers, TLS is spoken, the certificate holds for '
      + 'that name at this time, and ours is taken. It needs no Strongroom on this machine. What it does there is seen and recorded by the gateway as a connection without records.',
  ],
  arguments: [],
  options: {
    to: { kind: 'text', value: 'HOST:PORT', description: 'Look at the way from here to that listener instead' },
    identity: { kind: 'text', value: 'DIR', description: 'to: directory with cert.pem, key.pem and ca.pem that "strongroom enrol" wrote' },
    ca: { kind: 'text', value: 'FILE', description: "to: CA certificates that the listener's is held against; default ca.pem of --identity, else this home's, else the system's" },
    name: { kind: 'text', value: 'NAME', description: 'to: the name that the certificate must have; default HOST' },
  },
  examples: [
    { command: 'strongroom doctor', what: 'What is wrong here' },
    { command: 'strongroom doctor -o json | jq .findings', what: 'For a machine; the exit code is the same' },
    { command: 'strongroom doctor --to logs.example.com:6514 --identity ./web-01', what: 'On a producer: why nothing arrives' },
  ],
  exitCodes: { 0: 'nothing is bad; there may be findings that are weak', 4: 'something is bad', 78: 'the configuration is not valid' },
  async run(call) {
    const diagnosis = await diagnose(call);
    await writeValue(call, { ok: exitCode(diagnosis) === EXIT.ok, ...diagnosis }, () => diagnosisLines(diagnosis, call.io.out.style, call.io.out.isTerminal ? call.io.out.columns : undefined));
    return exitCode(diagnosis);
  },
});

type DoctorCall = Parameters<Parameters<typeof verb>[0]['run']>[0] & { readonly options: { readonly [name: string]: unknown } };

async function diagnose(call: DoctorCall): Promise<Diagnosis> {
  const nowMs = Number(call.io.now() / 1_000_000n);
  const { to, identity, ca, name } = call.options as { readonly [key: string]: string | undefined };
  if (to !== undefined) return examine(WAY_CHECKS, await wayOf({ to, identity, ca, name, homeCa: call.paths.ca, nowMs }));
  return examine(CHECKS, await patientOf({ paths: call.paths, configFile: call.configFile, nowMs }));
}

function exitCode({ findings }: Diagnosis): number {
  if (findings.some(({ code }) => code === 'config.invalid')) return EXIT.configuration;
  return findings.some(({ severity }) => severity === 'bad') ? EXIT.degraded : EXIT.ok;
}
