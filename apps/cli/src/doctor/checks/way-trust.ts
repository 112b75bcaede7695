// SPDX-License-Identifier: Apache-2.0
// From a producer's side: whether each believes the other's certificate, and whether it is the clock if not. The other
// side judges ours by its own clock, which is the only thing that it lets us know of it.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { duration } from '../../quantity.ts';
import { check, type Say } from '../check.ts';
import { word } from '../shell.ts';
import type { Handshake, Way } from '../way.ts';

const DISTRUST = 'a sender that verifies refuses the connection, and nothing is sent';
const CODES = {
  'way.clock': { severity: 'bad', seen: 'the clock of this machine is wrong, by what certificates say', why: 'a certificate counts by the clock: with a wrong one every TLS connection fails' },
  'way.certificate-expired': { severity: 'bad', seen: "the listener's certificate, or one above it, is over", why: DISTRUST },
  'way.certificate-not-yet-valid': { severity: 'bad', seen: "the listener's certificate, or one above it, begins later than now", why: DISTRUST },
  'way.intermediate': { severity: 'bad', seen: 'the listener shows its own certificate alone, and the one that issued it is not known here', why: DISTRUST },
  'way.unknown-ca': { severity: 'bad', seen: "the listener's certificates lead to a CA that is not known here", why: DISTRUST },
  'way.server-name': { severity: 'bad', seen: "the listener's certificate does not have the name by which it is called", why: DISTRUST },
  'way.identity': { severity: 'bad', seen: 'the certificate of this sender is over, not yet valid, or not that of its key', why: 'the listener refuses it, and nothing is sent' },
  'way.not-accepted': { severity: 'bad', seen: 'the listener refuses the certificate of this sender', why: 'nothing is sent' },
} as const;
type Code = keyof typeof CODES;
type Shaken = Way & { readonly handshake: Handshake };

export const wayTrustCheck = check({
  name: 'way-trust',
  codes: CODES,
  look(way: Way, say: Say<Code>) {
    judgeOwn(way, say);
    const { handshake, own } = way;
    if (handshake === null || handshake.error !== null || handshake.chain.length === 0) return say.unseen('no handshake came about', 'way.clock', 'way.certificate-expired', 'way.certificate-not-yet-valid', 'way.intermediate', 'way.unknown-ca', 'way.server-name', 'way.not-accepted');
    const shaken = { ...way, handshake };
    judgeTimes(shaken, say);
    judgeIssuers(shaken, say);
    judgeName(shaken, say);
    if (own === null) say.unseen('no --identity was given', 'way.identity', 'way.not-accepted');
    else judgeAcceptance(shaken, own, say);
  },
});

function judgeOwn({ own, nowMs, identity }: Way, say: Say<Code>): void {
  if (own === null) return;
  const times = timesOf(own);
  const state = stateAt(times, nowMs);
  if (state === 'valid') return;
  const what = state === 'over' ? `is over since ${utc(times.untilMs)}` : `is valid from ${utc(times.fromMs)} on`;
  say.found('way.identity', { what: `the certificate in ${identity} ${what}; it is ${utc(nowMs)} here`, fix: 'date -u (is that right? then, on the appliance: strongroom enrol NAME --out DIR --force)', evidence: { from: utc(times.fromMs), until: utc(times.untilMs), now: utc(nowMs) } });
}

/** The clock where something besides the certificate in question speaks against it. */
function judgeTimes(way: Shaken, say: Say<Code>): void {
  const { handshake: { chain }, nowMs, host, port } = way;
  const odd = chain.map((one) => ({ one, times: timesOf(one), state: stateAt(timesOf(one), nowMs) })).find(({ state }) => state !== 'valid');
  const clock = clockFault(way);
  if (clock !== null) say.found('way.clock', { what: clock.what, fix: 'chronyc makestep (or: timedatectl set-ntp true)', evidence: { now: utc(nowMs), ...clock.evidence } });
  if (odd === undefined) return;
  const { one, times, state } = odd;
  const evidence = { subject: line(one.subject), from: utc(times.fromMs), until: utc(times.untilMs), now: utc(nowMs) };
  const why = clock === null ? undefined : 'it is most likely the clock of this machine: see way.clock';
  const more = why === undefined ? {} : { why };
  if (state === 'over') say.found('way.certificate-expired', { what: `the certificate "${line(one.subject)}" of ${host}:${port} is over since ${utc(times.untilMs)}; it is ${utc(nowMs)} here`, fix: 'date -u (if that is right: strongroom doctor, on the appliance)', evidence, ...more });
  else say.found('way.certificate-not-yet-valid', { what: `the certificate "${line(one.subject)}" of ${host}:${port} is valid from ${utc(times.fromMs)} on; it is ${utc(nowMs)} here`, fix: 'date -u (if that is right, the clock of the appliance was ahead when it was issued: strongroom doctor, there)', evidence, ...more });
}

/** Behind, when it is earlier than several certificates were made; ahead, when the other side still takes ours, which is over here. */
function clockFault({ handshake: { chain, refusal }, authorities, own, nowMs }: Shaken): { what: string; evidence: Record<string, string> } | null {
  const all = [...chain, ...authorities, ...(own === null ? [] : [own])];
  const early = new Map(all.filter((one) => timesOf(one).fromMs > nowMs).map((one) => [one.fingerprint256, one]));
  if (early.size > 1) {
    const latestMs = Math.max(...[...early.values()].map((one) => timesOf(one).fromMs));
    return { what: `it is ${utc(nowMs)} here, and ${early.size} certificates that are in use begin later: the clock is ${duration(latestMs - nowMs)} behind or more`, evidence: { seen: utc(latestMs) } };
  }
  if (own === null) return null;
  const state = stateAt(timesOf(own), nowMs);
  if (state === 'over' && refusal === null) return { what: `it is ${utc(nowMs)} here, our certificate is over since ${utc(timesOf(own).untilMs)}, and the listener takes it: the clock here is ahead`, evidence: { until: utc(timesOf(own).untilMs) } };
  if (state === 'valid' && /CERTIFICATE_EXPIRED/.test(refusal ?? '')) return { what: `our certificate is valid until ${utc(timesOf(own).untilMs)}, it is ${utc(nowMs)} here, and the listener says that it is over: one of the two clocks is wrong`, evidence: { until: utc(timesOf(own).untilMs) } };
  return null;
}

function judgeIssuers({ handshake: { chain, distrust }, caFile, host, port }: Shaken, say: Say<Code>): void {
  const last = chain.at(-1)!;
  const issuer = line(last.issuer);
  const against = caFile ?? 'the CAs that Node knows';
  if (distrust === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE') {
    say.found('way.intermediate', {
      what: `${host}:${port} shows one certificate, issued by "${issuer}", which is not in ${against}`,
      fix: `openssl s_client -connect ${word(`${host}:${port}`)} -showcerts </dev/null (if that is an intermediate, append it to gateway.tls.certificate there; if it is the deployment's own CA, give its ca.pem with --ca)`, evidence: { issuer, ca: against, shown: chain.length },
    });
  } else if (['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_GET_ISSUER_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_SIGNATURE_FAILURE', 'CERT_UNTRUSTED'].includes(distrust ?? '')) {
    say.found('way.unknown-ca', { what: `the certificates of ${host}:${port} lead to "${issuer}", which is not in ${against} (${distrust})`, fix: 'strongroom enrol NAME --out DIR (on the appliance; give the ca.pem in it to the sender)', evidence: { issuer, ca: against, error: distrust } });
  }
}

function judgeName({ handshake: { chain }, name }: Shaken, say: Say<Code>): void {
  const leaf = chain[0]!;
  const holds = isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name);
  if (holds !== undefined) return;
  const has = (leaf.subjectAltName ?? 'none').slice(0, 300);
  say.found('way.server-name', { what: `the certificate has ${has}, and not ${name}`, fix: `strongroom config explain (there: add ${name} to gateway.serverNames and start again; or send to one of its names)`, evidence: { name, has } });
}

function judgeAcceptance({ handshake: { refusal }, identity, host, port }: Shaken, own: X509Certificate, say: Say<Code>): void {
  if (refusal === null) return;
  const said = REFUSALS.find(([pattern]) => pattern.test(refusal))?.[1] ?? 'it does not say why';
  say.found('way.not-accepted', {
    what: `${host}:${port} refuses the certificate of ${identity}: ${said} (${refusal})`, why: `nothing is sent; the certificate is of ${(own.subjectAltName ?? line(own.subject)).slice(0, 200)}`,
    fix: 'strongroom sources --revoked (on the appliance: is it enrolled, with this key? strongroom search --kind event gateway.denied says more)', evidence: { refusal },
  });
}

const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/CERTIFICATE_EXPIRED/, 'it is over, by the clock there'], [/UNKNOWN_CA/, 'it was issued by another deployment, or another CA'], [/CERTIFICATE_REQUIRED/, 'it saw none'],
  [/closed|ECONNRESET|EPIPE/, 'it ended the connection: not enrolled, revoked, or replaced by a newer key'],
];

function timesOf(certificate: X509Certificate): { fromMs: number; untilMs: number } {
  return { fromMs: certificate.validFromDate.getTime(), untilMs: certificate.validToDate.getTime() };
}

function stateAt({ fromMs, untilMs }: { fromMs: number; untilMs: number }, nowMs: number): 'valid' | 'over' | 'early' {
  return nowMs > untilMs ? 'over' : nowMs < fromMs ? 'early' : 'valid';
}

function utc(atMs: number): string {
  return new Date(atMs).toISOString();
}

function line(name: string): string {
  return name.replaceAll('\n', ', ');
}
