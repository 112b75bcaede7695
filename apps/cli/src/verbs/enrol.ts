// SPDX-License-Identifier: Apache-2.0
import { basename, resolve } from 'node:path';
import { checkName } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import { checkDirectory, writeDirectory } from '../enrol/directory.ts';
import { newKey } from '../enrol/key.ts';
import { orderEnrolment, type Enrolled } from '../enrol/order.ts';
import { chooseTarget, parseAddress, type Target } from '../enrol/target.ts';
import { writeValue } from '../output.ts';
import { factLines } from '../table.ts';
import { shortTime } from '../time.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { ROLE_OPTION } from './enrolling.ts';
import type { EnrolmentFile, EnrolmentMaterial, EnrolmentTarget } from '@strongroom/keys';

const FILES: Readonly<Record<string, readonly string[]>> = {
  source: ['cert.pem', 'key.pem', 'ca.pem', 'rsyslog.conf', 'rsyslog-relp.conf', 'syslog-ng.conf'],
  reader: ['cert.pem', 'key.pem', 'ca.pem'],
  custodian: ['cert.pem', 'key.pem', 'ca.pem'],
};
/** To see whether a directory can stand in configuration files, before anything is ordered. */
const NO_MATERIAL: EnrolmentMaterial = { certificatePem: '', caPem: '' };
const NO_TARGET = { address: 'localhost', syslogPort: 6514, relpPort: 2514, serverName: 'localhost' } as const;

const options = {
  out: { kind: 'text', value: 'DIR', description: 'Directory to write, ./NAME if not given' },
  role: ROLE_OPTION,
  address: { kind: 'text', value: 'HOST[:PORT]', description: 'Where the source shall send to, with the port of syslog over TLS; this machine if not given' },
  'relp-port': { kind: 'count', value: 'PORT', minimum: 1, maximum: 65_535, description: 'Port of RELP over TLS at that address' },
  'install-dir': { kind: 'text', value: 'DIR', description: 'Where the files will lie on the source, for the paths in its configuration; DIR of --out if not given' },
  rsa: { kind: 'text', value: 'BITS', choices: ['4096'], description: 'Make an RSA key instead of ECDSA P-256' },
  csr: { kind: 'text', value: 'FILE', description: 'Use this signing request (PEM): the source keeps its key, and none is made here' },
  days: { kind: 'count', value: 'N', unit: 'days', minimum: 1, maximum: 825, default: 365, description: 'How long the certificate is valid' },
  force: { kind: 'flag', description: 'Replace files, and an enrolment of that name, which ends with its key' },
} as const;

type EnrolCall = Call<typeof options, readonly [{ readonly name: 'name'; readonly description: string; readonly required: true }]>;

export const enrol = verb({
  details: [
    "Makes a key, has the deployment's CA issue a certificate for it, and writes a directory with cert.pem, key.pem "
      + '(readable by you alone), ca.pem, and for a source configuration for rsyslog and syslog-ng that can be used as it is. '
      + 'The key never leaves this command; with --csr it never comes here.',
    'The identity is the SPIFFE ID spiffe://DEPLOYMENT/source/NAME together with the key.',
  ],
  arguments: [{ name: 'name', description: 'Name of the source, reader or custodian: letters, digits, dots, hyphens, underscores', required: true }],
  options,
  examples: [
    { command: 'strongroom enrol web-01 --out ./web-01 --address logs.example.com', what: 'A source; then copy ./web-01 to it' },
    { command: 'strongroom enrol web-02 --csr web-02.csr --install-dir /etc/strongroom', what: 'The key stays on the source' },
    { command: 'strongroom enrol clara --role custodian --out ./clara', what: 'One of the two who must approve a destruction' },
    { command: 'strongroom enrol anna --role reader --out ~/.strongroom', what: 'A person; then: strongroom search --identity ~/.strongroom' },
  ],
  async run(call) {
    const name = checkName(call.arguments.name);
    const { role, force, address, days } = call.options;
    const directory = resolve(call.options.out ?? name);
    const source = role !== 'source' ? null : { source: name, directory: resolve(call.options['install-dir'] ?? directory) };
    const given = address === undefined ? undefined : parseAddress(address);
    const key = await newKey(name, call.options.csr, call.options.rsa);
    await filesOf(NO_MATERIAL, source === null ? null : { ...NO_TARGET, ...source });
    await checkDirectory(directory, FILES[role]!.filter((file) => file !== 'key.pem' || key.privateKeyPem !== undefined), force);
    const client = await openControl(call.paths);
    try {
      const enrolled = await orderEnrolment(client, { name, role, csrPem: key.csrPem, days, replace: force }, key.spki);
      const target = source === null ? null : await chooseTarget(given, call.options['relp-port'], enrolled.listeners, enrolled.serverNames);
      const material = { certificatePem: enrolled.certPem, privateKeyPem: key.privateKeyPem, caPem: enrolled.caPem };
      const files = await filesOf(material, target === null || source === null ? null : { ...target.address, ...source });
      await writeDirectory(directory, files);
      await tell(call, name, enrolled, directory, files, target);
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

/** A reader gets no configuration. Throws `Refused('enrolment.text')` when a path could not stand in one. */
async function filesOf(material: EnrolmentMaterial, target: EnrolmentTarget | null): Promise<EnrolmentFile[]> {
  const { certificatePem, privateKeyPem, caPem } = material;
  if (target !== null) return (await import('@strongroom/keys')).enrolmentFiles(target, material);
  return [
    { name: 'cert.pem', mode: 0o644, content: certificatePem },
    { name: 'ca.pem', mode: 0o644, content: caPem },
    ...(privateKeyPem === undefined ? [] : [{ name: 'key.pem', mode: 0o600, content: privateKeyPem }]),
  ];
}

async function tell(
  call: EnrolCall, name: string, enrolled: Enrolled, directory: string, files: readonly EnrolmentFile[], target: Target | null,
): Promise<void> {
  const { io, options: { role } } = call;
  const { id, keyHash, serial, notAfter } = enrolled;
  const value = { name, role, id, keyHash, serial, notAfter, directory, files: files.map((file) => file.name), ...target?.address };
  await writeValue(call, value, () => [
    `${role} ${name} is enrolled.`,
    ...factLines([
      ['identity', id], ['key', `SHA-256 ${keyHash}`], ['valid', `until ${shortTime(notAfter)}`],
      ['files', `${directory}/ ${value.files.join(' ')}`],
      ...(target === null ? [] : [['sends to', `${value.address}, syslog ${value.syslogPort}, RELP ${value.relpPort}`] as const]),
    ]),
    '', `Next: ${nextCommand(role, directory, target)}`,
  ]);
  if (target !== null && target.warning !== null) await io.err.write(`${io.err.style('yellow', '!')} ${target.warning}\n`);
}

function nextCommand(role: string, directory: string, target: Target | null): string {
  if (role === 'custodian') return `give ${directory} to ${basename(directory)} alone; orders are approved with it: strongroom approve FILE --identity ${directory}`;
  if (target === null) return `strongroom search --since 1h --identity ${directory}`;
  return `sudo cp ${directory}/rsyslog-relp.conf /etc/rsyslog.d/ && sudo systemctl restart rsyslog`;
}
