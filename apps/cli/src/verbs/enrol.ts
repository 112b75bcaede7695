// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { checkName, type Listener, type RpcClient } from '@strongroom/service';
import { openControl } from '../connections.ts';
import { checkDirectory, writeDirectory } from '../enrol/directory.ts';
import { chooseTarget, parseAddress, type ServerNames, type Target } from '../enrol/target.ts';
import { writeValue } from '../output.ts';
import { factLines } from '../table.ts';
import { shortTime } from '../time.ts';
import { EXIT, verb, type Call } from '../verb.ts';
import { ROLE_OPTION } from './enrolling.ts';
import type { EnrolmentFile, EnrolmentMaterial as Material, EnrolmentTarget } from '@strongroom/keys';

const CSR_BYTES_MAX = 262_144;
const FILES = { source: ['cert.pem', 'key.pem', 'ca.pem', 'rsyslog.conf', 'rsyslog-relp.conf', 'syslog-ng.conf'], reader: ['cert.pem', 'key.pem', 'ca.pem'] } as const;

const NO_MATERIAL: Material = { certificatePem: '', caPem: '' };
const NO_TARGET = { address: 'localhost', syslogPort: 6514, relpPort: 2514, serverName: 'localhost' } as const;

const options = {
  out: { kind: 'text', value: 'DIR', description: 'Directory to write, ./NAME if not given' },
  role: ROLE_OPTION,
  address: { kind: 'text', value: 'HOST[:PORT]', description: 'Where the source shall send to, with the port of syslog over TLS; this machine if not given' },
  'relp-port': { kind: 'count', value: 'PORT', minimum: 1, maximum: 65_535, description: 'Port of RELP over TLS at that address' },
  'install-dir': { kind: 'text', value: 'DIR', description: 'Where the files will lie on the source, for the paths in its configuration; DIR of --out if not given' },
  rsa: { kind: 'text', value: 'BITS', choices: ['4096'], description: 'Make an RSA key instead of ECDSA P-256' },
  csr: { kind: 'text', value: 'FILE', description: "Use this signing request (PEM): the source keeps its key, and none is made here" },
  days: { kind: 'count', value: 'N', unit: 'days', minimum: 1, maximum: 825, default: 365, description: 'How long the certificate is valid' },
  force: { kind: 'flag', description: 'Replace files, and an enrolment of that name, which ends with its key' },
} as const;

type EnrolCall = Call<typeof options, readonly [{ readonly name: 'name'; readonly description: string; readonly required: true }]>;

/** The supervisor's answer. */
interface Enrolled {
  readonly id: string;
  readonly keyHash: string;
  readonly serial: string;
  readonly notAfter: string;
  readonly certPem: string;
  readonly caPem: string;
  readonly listeners: readonly Listener[];
  readonly serverNames: ServerNames;
}

export const enrol = verb({
  name: 'enrol',
  group: 'Sources',
  summary: 'Enrol a source that may send, or a reader who may read',
  details: [
    'Makes a key, has the deployment\'s CA issue a certificate for it, and writes a directory with cert.pem, key.pem (readable by you alone), ca.pem, and for a source configuration for rsyslog and syslog-ng that can be used as it is. The key never leaves this command; with --csr it never comes here.',
    'The identity is the SPIFFE ID spiffe://DEPLOYMENT/source/NAME together with the key.',
  ],
  arguments: [{ name: 'name', description: 'Name of the source or reader: letters, digits, dots, hyphens, underscores', required: true }],
  options,
  examples: [
    { command: 'strongroom enrol web-01 --out ./web-01 --address logs.example.com', what: 'A source; then copy ./web-01 to it' },
    { command: 'strongroom enrol web-02 --csr web-02.csr --install-dir /etc/strongroom', what: 'The key stays on the source' },
    { command: 'strongroom enrol anna --role reader --out ~/.strongroom', what: 'A person; then: strongroom search --identity ~/.strongroom' },
  ],
  async run(call) {
    const name = checkName(call.arguments.name);
    const { role, force, out, address } = call.options;
    const directory = resolve(out ?? name);
    const given = address === undefined ? undefined : parseAddress(address);
    const key = await makeOrRead(call, name);
    const source = { source: name, directory: resolve(call.options['install-dir'] ?? directory) };
    if (role === 'source') await filesOf(NO_MATERIAL, { ...NO_TARGET, ...source }); // before anything is ordered
    await checkDirectory(directory, FILES[role as keyof typeof FILES].filter((file) => file !== 'key.pem' || key.privateKeyPem !== undefined), force);
    const client = await openControl(call.paths);
    try {
      const enrolled = await request(client, { name, role, csrPem: key.csrPem, days: call.options.days, replace: force });
      checkAnswer(enrolled, key.spki);
      const target = role === 'reader' ? null : await chooseTarget(given, call.options['relp-port'], enrolled.listeners, enrolled.serverNames);
      const material = { certificatePem: enrolled.certPem, privateKeyPem: key.privateKeyPem, caPem: enrolled.caPem };
      const files = await filesOf(material, target === null ? null : { ...target.address, ...source });
      await writeDirectory(directory, files);
      await tell(call, name, enrolled, directory, files, target);
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

interface Key {
  readonly csrPem: string;
  /** Undefined when the request came from elsewhere. */
  readonly privateKeyPem: string | undefined;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
}

async function makeOrRead({ options: { csr, rsa } }: EnrolCall, name: string): Promise<Key> {
  const { makeKeyPair, makeRequest, readRequest } = await import('@strongroom/keys');
  if (csr === undefined) {
    const pair = await makeKeyPair(rsa === undefined ? 'p256' : 'rsa4096');
    return { csrPem: makeRequest(pair.privateKey, name), privateKeyPem: pair.privateKeyPem, spki: pair.spki };
  }
  if (rsa !== undefined) throw new Refused('usage.key', '--rsa and --csr cannot go together', { why: 'with a signing request the key is made elsewhere', fix: 'leave one of them out' });
  const csrPem = readFileSync(csr, 'latin1');
  if (csrPem.length > CSR_BYTES_MAX) throw new Refused('csr.too-long', `${csr} is too long for a signing request`, { why: `${csrPem.length} octets, the limit is ${CSR_BYTES_MAX}`, fix: 'name a file with one PEM signing request' });
  return { csrPem, privateKeyPem: undefined, spki: readRequest(csrPem).spki };
}

async function request(client: RpcClient, args: Record<string, unknown>): Promise<Enrolled> {
  try {
    return (await client.call('enrol', args)) as Enrolled;
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'supervisor.enrolled') throw error;
    throw new Refused(error.code, error.message, {
      ...(error.why === undefined ? {} : { why: error.why }), cause: error,
      fix: 'choose another name, or replace the enrolment with --force: its key then no longer counts',
    });
  }
}

/** A certificate for another key would only be noticed on the source, much later. */
function checkAnswer({ certPem }: Enrolled, spki: Buffer): void {
  const issued = createPublicKey(new X509Certificate(certPem).publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' });
  if (!issued.equals(spki)) throw new Failed('enrol.other-key', 'the certificate that was issued is for another key', { why: 'two enrolments crossed, or the CA is at fault', fix: 'repeat the command with --force' });
}

/** Throws `Refused('enrolment.text')` when the directory could not stand in a configuration file. */
async function filesOf(material: Material, target: EnrolmentTarget | null): Promise<EnrolmentFile[]> {
  const { certificatePem, privateKeyPem, caPem } = material;
  if (target !== null) return (await import('@strongroom/keys')).enrolmentFiles(target, material);
  return [
    { name: 'cert.pem', mode: 0o644, content: certificatePem }, { name: 'ca.pem', mode: 0o644, content: caPem },
    ...(privateKeyPem === undefined ? [] : [{ name: 'key.pem', mode: 0o600, content: privateKeyPem }]),
  ];
}

async function tell(call: EnrolCall, name: string, enrolled: Enrolled, directory: string, files: readonly EnrolmentFile[], target: Target | null): Promise<void> {
  const { io, options: { role } } = call;
  const value = {
    name, role, id: enrolled.id, keyHash: enrolled.keyHash, serial: enrolled.serial, notAfter: enrolled.notAfter, directory, files: files.map((file) => file.name),
    ...target?.address,
  };
  await writeValue(call, value, () => [
    `${role} ${name} is enrolled.`,
    ...factLines([
      ['identity', enrolled.id], ['key', `SHA-256 ${enrolled.keyHash}`], ['valid', `until ${shortTime(enrolled.notAfter)}`], ['files', `${directory}/ ${value.files.join(' ')}`],
      ...(target === null ? [] : [['sends to', `${target.address.address}, syslog ${target.address.syslogPort}, RELP ${target.address.relpPort}`] as const]),
    ]),
    '', `Next: ${target === null ? `strongroom search --identity ${directory} --since 1h` : `sudo cp ${directory}/rsyslog-relp.conf /etc/rsyslog.d/ && sudo systemctl restart rsyslog`}`,
  ]);
  if (target !== null && target.warning !== null) await io.err.write(`${io.err.style('yellow', '!')} ${target.warning}\n`);
}
