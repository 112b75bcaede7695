// SPDX-License-Identifier: Apache-2.0
// The configuration, one section per app. The type, the check, the JSON Schema and `config explain` all come from here.
// A key without a default may be left unset.
import { Type, type Static, type TSchema } from 'typebox';

interface KeyFacts {
  readonly description: string;
  /** Such as `bytes` or `ms`; left out where a value has none. */
  readonly unit?: string;
  readonly example: unknown;
}

const facts = ({ description, unit, example }: KeyFacts) => ({ description, ...(unit === undefined ? {} : { unit }), examples: [example] });
const text = (key: KeyFacts & { default?: string; pattern?: string }) =>
  Type.String({
    minLength: 1, ...facts(key),
    ...(key.default === undefined ? {} : { default: key.default }), ...(key.pattern === undefined ? {} : { pattern: key.pattern }),
  });
const whole = (value: number, minimum: number, maximum: number, key: KeyFacts) =>
  Type.Integer({ default: value, minimum, maximum, ...facts(key) });
const flag = (value: boolean, key: KeyFacts) => Type.Boolean({ default: value, ...facts(key) });
const list = (key: KeyFacts) => Type.Array(Type.String({ minLength: 1 }), { default: [], ...facts(key) });
const section = <T extends Record<string, TSchema>>(description: string, keys: T) =>
  Type.Object(keys, { additionalProperties: false, description });

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const listener = (name: string, enabled: boolean, port: number) => section(`The ${name} listener.`, {
  enabled: flag(enabled, { description: `Whether ${name} is served.`, example: enabled }),
  address: text({ default: '::', description: 'Address to listen on; :: means every address, IPv4 and IPv6.', example: '192.0.2.10' }),
  port: whole(port, 0, 65535, { description: 'Port to listen on; 0 takes any free one.', example: port }),
});

const gateway = section('What faces the network.', {
  processes: whole(1, 1, 64, { description: 'Gateway processes that share the listening ports.', unit: 'processes', example: 2 }),
  maxConnections: whole(5000, 1, 100_000, {
    description: 'Simultaneous connections over all gateway processes.', unit: 'connections', example: 5000,
  }),
  maxRecordBytes: whole(262_144, 480, 1_048_576, {
    description: 'Longest record that is kept whole; a longer one is sealed cut, with its full length and hash.',
    unit: 'bytes', example: 262_144,
  }),
  handshakeTimeoutMs: whole(10_000, 100, 600_000, { description: 'Time for a TLS handshake.', unit: 'ms', example: 10_000 }),
  idleTimeoutMs: whole(0, 0, 604_800_000, {
    description: 'A connection that is silent for so long is closed; 0 never closes one.', unit: 'ms', example: 3_600_000,
  }),
  frameTimeoutMs: whole(30_000, 100, 3_600_000, {
    description: 'Time from the first octet of a frame to its last.', unit: 'ms', example: 30_000,
  }),
  serverNames: list({
    description: 'Names and addresses for the server certificate, beside localhost, the host name and all addresses of the machine.',
    example: ['logs.example.com'],
  }),
  perSource: section('Limits of one source, shared by all gateway processes.', {
    connections: whole(1024, 1, 100_000, { description: 'Simultaneous connections of one source.', unit: 'connections', example: 64 }),
    bytesPerSecond: whole(0, 0, 100 * GIB, {
      description: 'Rate to which one source is slowed; 0 does not limit it.', unit: 'bytes/s', example: 10_485_760,
    }),
  }),
  listeners: section('What is listened to.', {
    syslogTls: listener('syslog over TLS (RFC 5425)', true, 6514),
    relpTls: listener('RELP over TLS', true, 2514),
    syslogTcp: listener('syslog over plain TCP, marked unreliable', false, 514),
    syslogUdp: listener('syslog over UDP, marked unreliable', false, 514),
  }),
  tls: section("Certificates towards producers; unset, they come from the deployment's own CA.", {
    certificate: Type.Optional(text({
      description: 'PEM file: server certificate and its intermediates.', example: '/etc/strongroom/server.pem',
    })),
    key: Type.Optional(text({ description: 'PEM file: key of the server certificate.', example: '/etc/strongroom/server-key.pem' })),
    clientCa: Type.Optional(text({
      description: "PEM file: CA certificates that may issue producers' certificates, beside our own.", example: '/etc/strongroom/clients-ca.pem',
    })),
  }),
});

const vault = section('What seals and keeps.', {
  cycleMaxBytes: whole(8 * MIB, 65_536, 256 * MIB, {
    description: 'Most that one commit cycle seals at once.', unit: 'bytes', example: 8 * MIB,
  }),
  segmentMaxBytes: whole(256 * MIB, MIB, 16 * GIB, {
    description: 'Size at which a segment is closed and the next one begun.', unit: 'bytes', example: 256 * MIB,
  }),
  idleCycleMs: whole(1000, 1, 60_000, {
    description: 'How long a cycle may stay open while nobody waits for an acknowledgement.', unit: 'ms', example: 1000,
  }),
  heartbeatSeconds: whole(60, 1, 3600, { description: 'A quiet log gets an entry at least this often.', unit: 's', example: 60 }),
  reserveBytes: whole(8 * MIB, MIB, GIB, {
    description: 'Space set aside to record the incident when the disk is full.', unit: 'bytes', example: 8 * MIB,
  }),
  minFreeBytes: whole(16 * MIB, 0, 1024 * GIB, {
    description: 'Free space below which nothing is acknowledged any more.', unit: 'bytes', example: GIB,
  }),
  checksums: Type.Optional(text({
    pattern: '^/', example: '/mnt/digests/strongroom',
    description: 'Directory of the checksum database, best on another volume; it must be there. Unset, it is state/vault.',
  })),
  scrubDays: whole(30, 1, 3650, {
    description: 'Everything that is sealed is read again and held against its digests once in so many days.', unit: 'days', example: 7,
  }),
});

const DAYS_MAX = 36_525;
const retention = section('How long what is kept, and what is known of copies elsewhere.', {
  classes: Type.Record(Type.String(), Type.Object({
    keepDays: Type.Optional(Type.Integer({ minimum: 1, maximum: DAYS_MAX, description: 'Days from sealing until it may be destroyed.', unit: 'days', examples: [90] })),
    basis: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Why so long: law, contract, policy.', examples: ['policy 7.2, audit trail'] })),
    preset: Type.Optional(Type.String({ minLength: 1, description: 'A duration with its source: see "strongroom retention presets".', examples: ['fedramp-au-11'] })),
  }, { additionalProperties: false }), {
    default: {}, ...facts({
      description: 'Retention classes by name, at most 16: each with keepDays, basis, preset. "default", for what no rule takes, keeps 400 days if it is not given.',
      example: { default: { preset: 'soc2-type2' }, debug: { keepDays: 30, basis: 'troubleshooting only' } },
    }),
  }),
  rules: Type.Array(Type.Object({
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Name of the source, or service/NAME; * stands for any characters.', examples: ['web-*'] })),
    protocol: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'By which protocol it came; * stands for any characters.', examples: ['syslog-udp'] })),
    class: Type.String({ minLength: 1, description: 'The retention class of what this rule takes.', examples: ['debug'] }),
  }, { additionalProperties: false }), {
    default: [], maxItems: 1000, ...facts({
      description: 'Which class a record is in, by the facts of its receipt: the first rule whose source and protocol both hold decides.',
      example: [{ source: 'web-*', protocol: 'syslog-udp', class: 'default' }],
    }),
  }),
  copies: Type.Array(Type.String({ pattern: '^[!-+\\--~]{1,128}$' }), {
    default: [], maxItems: 32, ...facts({
      description: 'Copies of evidence that Strongroom does not reach, by names without spaces or commas; a destruction names them.',
      example: ['s3://archive/strongroom', 'siem.example.com'],
    }),
  }),
  checkMinutes: whole(60, 1, 1440, { description: 'How often it is looked for buckets whose time is over.', unit: 'minutes', example: 60 }),
  orderHours: whole(72, 1, 720, { description: 'How long an order may be approved and carried out.', unit: 'hours', example: 72 }),
});

const keys = section('Where keys live.', {
  module: text({
    default: '/usr/lib/softhsm/libsofthsm2.so', description: 'PKCS#11 module; the default is SoftHSM, embedded.', example: '/usr/lib/pkcs11/vendor.so',
  }),
  tokenLabel: text({ default: 'strongroom', description: 'Label of the token that holds the keys.', example: 'strongroom' }),
  pinFile: Type.Optional(text({
    description: "File with the token's PIN; unset, one is made at first start under secrets/keys.", example: '/run/credentials/pin',
  })),
  keepRetiredLogKeys: flag(false, {
    description: "Whether the private half of a log key stays in the token after its rotation; it is destroyed otherwise.", example: false,
  }),
  counter: section('A hardware counter, which tells at a start that the whole home was put back.', {
    tpm: Type.Optional(text({
      pattern: '^/', description: 'TPM 2.0 that keeps the counter: its device, or the socket of an emulator. Unset, there is no counter.', example: '/dev/tpmrm0',
    })),
    index: text({
      default: '0x01805352', pattern: '^0x01[89aAbB][0-9a-fA-F]{5}$', description: 'NV index of the counter, which is made there; each Strongroom needs one of its own.', example: '0x01805352',
    }),
    intervalSeconds: whole(600, 60, 86_400, {
      description: 'The counter is stepped so often: a TPM takes some 100,000 writes or more. A home put back to less long ago shows only to witnesses.', unit: 's', example: 600,
    }),
  }),
});

const capture = section('What is taken from this host.', {
  gatherMs: whole(5000, 1, 60_000, {
    description: 'Where little comes it gathers for so long before it is sealed, so that a quiet host writes little. Kernel messages never wait, and what tells something by itself waits for a second.', unit: 'ms', example: 5000,
  }),
  kmsg: flag(true, { description: 'Kernel messages from /dev/kmsg.', example: true }),
  journal: section('The systemd journal.', {
    enabled: flag(true, { description: 'Whether the journal is read, where there is one.', example: true }),
    directory: Type.Optional(text({ description: "Journal directory; unset, the system's own.", example: '/var/log/journal' })),
  }),
  audit: section("The kernel's audit.", {
    enabled: flag(true, { description: "Whether the kernel's audit is read; what it reports is a matter of its rules.", example: true }),
    path: text({
      default: 'multicast', pattern: '^(multicast|plugin)$', example: 'multicast',
      description: "How it is read: multicast, from the kernel, beside an auditd or without one; plugin, from auditd, which must be told to start our reader.",
    }),
    own: flag(false, {
      description: "Whether we become the owner of the audit socket, and switch the audit on, where no auditd is: then records aren't printed among kernel messages too.",
      example: false,
    }),
    receiveBytes: whole(32 * MIB, 65_536, GIB, { description: 'Records that the kernel holds for us while we cannot read; beyond, they are lost and counted.', unit: 'bytes', example: 32 * MIB }),
  }),
  ebpf: section('Kernel events by eBPF.', {
    enabled: flag(true, { description: 'Whether kernel events are collected by eBPF, where root started Strongroom and the kernel can.', example: true }),
    watch: Type.Array(Type.String({ pattern: '^/' }), {
      default: ['/etc', '/boot', '/usr'], maxItems: 256, ...facts({
        description: 'Directories in which files that are opened for writing are told of; each reaches as far as its own file system.', example: ['/etc', '/usr'],
      }),
    }),
    ringBytes: whole(8 * MIB, 4096, 512 * MIB, { description: 'Events that the kernel holds for us while we cannot read, rounded up to a power of two; beyond, they are lost and counted.', unit: 'bytes', example: 8 * MIB }),
    holdBytes: whole(64 * MIB, 0, GIB, { description: 'Events that our probe takes from there and holds in memory while capture does not keep up; it is used only then.', unit: 'bytes', example: 64 * MIB }),
  }),
  files: section('File integrity: watched trees, and what is executed.', {
    enabled: flag(true, { description: 'Whether watched trees and executables are hashed, where root started Strongroom.', example: true }),
    watch: Type.Array(Type.String({ pattern: '^/.' }), {
      default: ['/etc', '/boot', '/usr/bin', '/usr/sbin', '/usr/libexec', '/usr/lib/systemd', '/usr/lib/modules', '/usr/local'], maxItems: 256, ...facts({
        description: 'Trees of which each file is hashed, and each change told. Strongroom\'s own home is left out wherever it lies.', example: ['/etc', '/usr/bin'],
      }),
    }),
    everyHours: whole(24, 1, 720, { description: 'How often all content of watched trees is read again; changes are told as they come, and looked for at each start.', unit: 'hours', example: 24 }),
    executables: flag(true, { description: 'Whether what is executed is hashed, once as long as it stays as it is.', example: true }),
  }),
});

const witness = section('Others who vouch for this log, and for whose logs we vouch.', {
  policy: Type.Optional(text({
    description: 'C2SP tlog-policy file: the witnesses, where they are, and the quorum. Unset, nobody is asked.', example: '/etc/strongroom/witnesses.policy',
  })),
  mirrors: list({ description: 'Names of witnesses in the policy that are mirrors: they are sent entries and segments too.', example: ['berlin-mirror'] }),
  graceSeconds: whole(10, 1, 86_400, {
    description: 'How long a commit may wait for the quorum before that is sealed as an event and shown.', unit: 's', example: 10,
  }),
  startSeconds: whole(10, 0, 3600, {
    description: 'How long a start waits to hear from witnesses what they have seen of this log; then it serves, and seals that it could not compare.',
    unit: 's', example: 10,
  }),
  timestamps: section('Timestamps over checkpoints from an authority outside (RFC 3161).', {
    url: Type.Optional(text({
      pattern: '^https?://[!-~]+$', description: 'Where the time stamping authority answers; unset, no timestamps are taken.', example: 'http://timestamp.example.com/tsa',
    })),
    ca: Type.Optional(text({
      description: 'PEM file: root certificates of that authority, and of authorities between if its tokens lack them. Needed with url.', example: '/etc/strongroom/tsa-roots.pem',
    })),
    intervalSeconds: whole(3600, 1, 604_800, { description: 'A checkpoint is stamped so often; each timestamp takes some 10 KiB.', unit: 's', example: 3600 }),
    policy: Type.Optional(text({
      pattern: '^[0-2](\\.[0-9]{1,9}){1,16}$', description: 'Object identifier of the policy to ask for; unset, the authority chooses.', example: '1.3.6.1.4.1.13762.3',
    })),
    timeoutMs: whole(10_000, 100, 120_000, { description: 'Time for one request to the authority.', unit: 'ms', example: 10_000 }),
  }),
  serve: section('Being a witness for others.', {
    enabled: flag(false, { description: 'Whether checkpoints of other logs are taken and cosigned.', example: true }),
    address: text({ default: '::', description: 'Address to listen on; :: means every address, IPv4 and IPv6.', example: '192.0.2.10' }),
    port: whole(7380, 0, 65535, { description: 'Port to listen on; 0 takes any free one.', example: 7380 }),
    logs: list({ description: 'Verifier keys of the logs to cosign, as `strongroom vkey` prints them there.', example: ['strongroom-hamburg/log+0a1b2c3d+AQ…'] }),
    mirror: Type.Optional(text({
      description: 'Directory to keep whole copies of those logs and of their segments in; unset, none is kept.', example: '/srv/strongroom-mirror',
    })),
    certificate: Type.Optional(text({ description: 'PEM file: certificate to serve with TLS; unset, it is plain HTTP.', example: '/etc/strongroom/witness.pem' })),
    key: Type.Optional(text({ description: 'PEM file: key of that certificate.', example: '/etc/strongroom/witness-key.pem' })),
  }),
});

const clock = section("How wrong this machine's clock may be.", {
  enabled: flag(true, { description: 'Whether the clock is watched; if not, no time in a receipt has an error bound.', example: true }),
  chrony: section('chrony, which disciplines the clock.', {
    enabled: flag(true, { description: 'Whether chronyd is asked.', example: true }),
    program: text({ default: 'chronyc', description: 'chronyc: its path, or its name where services find it.', example: '/usr/bin/chronyc' }),
    address: text({ default: '127.0.0.1', description: 'Where chronyd listens: an address, or the path of its socket, where it tells more.', example: '/run/chrony/chronyd.sock' }),
    port: whole(323, 1, 65535, { description: 'Port of chronyd for commands, at an address.', example: 323 }),
  }),
  ptp: section('PTP, where ptp4l itself disciplines this clock; then it counts, and chrony is a second opinion.', {
    enabled: flag(false, { description: 'Whether ptp4l is asked. Where a network card has the PTP clock, let chrony take it as a reference clock instead.', example: true }),
    program: text({ default: 'pmc', description: 'pmc: its path, or its name where services find it. It is only told to GET.', example: '/usr/sbin/pmc' }),
    socket: text({ default: '/var/run/ptp4l', description: 'Socket of ptp4l, which strongroom-skew-guard must be allowed to use.', example: '/var/run/ptp4l' }),
    domain: whole(0, 0, 255, { description: 'PTP domain.', example: 0 }),
    masterNanoseconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, ...facts({ description: 'How wrong the grandmaster may be; unset, what it says of itself counts.', unit: 'ns', example: 100 }) })),
  }),
  checks: list({
    description: 'NTP servers that are asked beside, as HOST or HOST:PORT: a second opinion, by other code, that can only widen the bound.', example: ['time.example.com'],
  }),
  checkSeconds: whole(64, 4, 86_400, { description: 'How often each of those is asked.', unit: 's', example: 64 }),
  warnMicroseconds: whole(1000, 1, 86_400_000_000, { description: 'Error bound above which a warning is sealed.', unit: 'µs', example: 1000 }),
  limitMicroseconds: whole(5000, 1, 86_400_000_000, { description: 'Error bound above which an error is sealed, and the clock counts as out of bounds.', unit: 'µs', example: 5000 }),
  producerMilliseconds: whole(1000, 1, 86_400_000, { description: "How far a producer's clock may be off, by what it claims and when that comes, before that is sealed.", unit: 'ms', example: 1000 }),
  producerSeconds: whole(60, 3, 3600, { description: "A producer's clock is judged by what came least late in each of three times so long.", unit: 's', example: 60 }),
  oscillatorPpb: whole(1000, 0, 1_000_000, { description: 'What an oscillator may do beside what is measured of it.', unit: 'parts per billion', example: 1000 }),
  holdoverPpb: whole(15_000, 0, 1_000_000, { description: 'What it may do while nobody measures it (RFC 5905 says 15,000).', unit: 'parts per billion', example: 2000 }),
  holdoverHours: whole(24, 0, 8760, { description: 'How long times keep a bound when whoever disciplines the clock is gone.', unit: 'hours', example: 24 }),
});

const RACK_DEVICES_MAX = 1000;
const optional = (key: KeyFacts) => Type.Optional(Type.String({ minLength: 1, maxLength: 300, ...facts(key) }));
const rack = section('Power and heat of the rack that this appliance stands in.', {
  enabled: flag(true, { description: 'Whether power and heat are watched, where there is a device, a trap listener or a temperature to read.', example: true }),
  devices: Type.Record(Type.String(), Type.Object({
    address: optional({ description: 'Its address, IPv4 or IPv6; no name. It must be given.', example: '192.0.2.20' }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, ...facts({ description: 'Its port for SNMP; 161 if left out.', example: 161 }) })),
    version: optional({ description: 'v3, which is the default, or v2c: then nobody is authenticated, and all that it says is marked so.', example: 'v3' }),
    user: optional({ description: 'SNMPv3 user.', example: 'strongroom' }),
    authProtocol: optional({ description: 'sha256, which is the default, sha224, sha384, sha512, or, where a device has nothing better, sha (SHA-1).', example: 'sha256' }),
    authPasswordFile: optional({ description: 'File with the password of authentication, a path or a name in secrets/rack-monitor; <name>.auth if left out.', example: 'pdu-a.auth' }),
    privProtocol: optional({ description: 'aes256b, which is the default (AES-256 by the Blumenthal draft), aes256r (as Cisco does it), or, where a device has nothing better, aes (AES-128).', example: 'aes256b' }),
    privPasswordFile: optional({ description: 'File with the password of privacy; <name>.priv if left out.', example: 'pdu-a.priv' }),
    communityFile: optional({ description: 'With v2c: file with the community.', example: 'pdu-a.community' }),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 30_000, ...facts({ description: 'How long an answer may take; 2000 if left out.', unit: 'ms', example: 2000 }) })),
    nominalVolts: Type.Optional(Type.Number({ minimum: 10, maximum: 1000, ...facts({ description: 'Nominal voltage; if left out, the usual one that is nearest to what is read.', unit: 'V', example: 230 }) })),
    feeds: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z]+ \\S+$' }), { maxItems: 64, ...facts({ description: 'What of it feeds this appliance, as "strongroom rack" names it: then a power loss is known as one. Each is enough to lose what this device gives.', example: ['outlet 4'] }) })),
  }, { additionalProperties: false }), {
    default: {}, maxProperties: RACK_DEVICES_MAX, ...facts({
      description: 'PDUs, UPSs and sensors by name, asked by SNMP.', example: { 'pdu-a': { address: '192.0.2.20', user: 'strongroom' } },
    }),
  }),
  pollSeconds: whole(10, 1, 60, { description: 'A calm device is asked so often; one where something happens each second.', unit: 's', example: 10 }),
  traps: section('Traps and informs of devices.', {
    enabled: flag(false, { description: 'Whether traps are listened for.', example: true }),
    address: text({ default: '::', description: 'Address to listen on; :: means every address, IPv4 and IPv6.', example: '192.0.2.10' }),
    port: whole(162, 0, 65535, { description: 'Port to listen on; 0 takes any free one.', example: 162 }),
  }),
  heat: section('Temperatures of this machine.', {
    enabled: flag(true, { description: 'Whether thermal zones, sensors and throttling are read.', example: true }),
    root: text({ default: '/', pattern: '^/', description: 'Directory that holds sys/class/thermal and sys/class/hwmon.', example: '/' }),
    seconds: whole(5, 1, 60, { description: 'How often they are read.', unit: 's', example: 5 }),
    probeCelsius: whole(32, 1, 100, { description: 'What a temperature probe of a device may show (ASHRAE allows 32 °C at the inlet); a rise towards it is warned of.', unit: '°C', example: 27 }),
  }),
});

const supervisor = section('What starts the others.', {
  metrics: section('Metrics and health.', {
    address: text({ default: '127.0.0.1', description: 'Address of /metrics and /health.', example: '127.0.0.1' }),
    port: whole(9464, 0, 65535, { description: 'Port of /metrics and /health; 0 takes any free one.', example: 9464 }),
  }),
  heartbeatSeconds: whole(55, 1, 3600, { description: 'A sign of life is sealed so often, in seconds: a crash is known to have come at most so long after the last one.', example: 55 }),
  pstore: text({ default: '/sys/fs/pstore', description: 'Directory where the kernel keeps its last words after a panic; what systemd moved from there to /var/lib/systemd/pstore is looked at as well.', example: '/sys/fs/pstore' }),
});

export const CONFIG = section('Configuration of Strongroom: one YAML file, named by $STRONGROOM_CONFIG.', {
  deployment: Type.Optional(text({
    pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$', example: 'strongroom-berlin',
    description: 'Name of the deployment, part of every identity; unset, one is made at first start. It never changes afterwards.',
  })),
  gateway, vault, retention, keys, capture, clock, rack, witness, supervisor,
});

type Deep<T> = T extends readonly (infer E)[] ? readonly Deep<E>[] : T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T;

/** The effective configuration: every default filled in, frozen. */
export type Config = Deep<Static<typeof CONFIG>>;
