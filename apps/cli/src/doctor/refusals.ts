// SPDX-License-Identifier: Apache-2.0
// Whom the gateway refused lately, and why. A certificate that was refused may say any name: that it is the source of that name is
// believed only where the deployment's CA said so, or the peer holds the key that is enrolled under it.
import type { Registry, ServiceEvent } from '@strongroom/service/client';

export interface Refusal {
  readonly event: string;
  readonly atMs: number;
  readonly time: string;
  readonly peer: string;
  /** The source that it is; null: it has not proved to be one. */
  readonly source: string | null;
  /** The source that it says it is. */
  readonly claimed: string | null;
  readonly why: string;
  readonly fix: string;
}

/** `foreign`: what the certificate says of itself is worth nothing, unless its key is known. */
interface Reason {
  readonly why: string;
  readonly fix: (name: string) => string;
  readonly isForeign?: true;
}

const NEW_FILES = (name: string): string => `strongroom enrol ${name} --out ./${name} --force`;
const ASK = 'strongroom sources (is a sender of yours at that address? Then give it the files of its enrolment; else let nobody in for this)';

const REASONS: Readonly<Record<string, Reason>> = {
  'gateway.certificate-expired': { why: 'its certificate is over', fix: (name) => `${NEW_FILES(name)} (and put the new files in place there)`, isForeign: true },
  'gateway.certificate-not-yet-valid': { why: 'its certificate is not yet valid here: the clocks differ', fix: () => 'date -u (here and there)', isForeign: true },
  'gateway.certificate-foreign': { why: 'its certificate is of another CA', fix: (name) => `${NEW_FILES(name)} (and give the sender those files)`, isForeign: true },
  'gateway.certificate-invalid': { why: 'its certificate does not hold', fix: (name) => `${NEW_FILES(name)} (and give the sender those files)`, isForeign: true },
  'gateway.certificate-wrong-purpose': { why: 'its certificate is not one for TLS clients', fix: () => ASK, isForeign: true },
  'gateway.certificate-wrong-name': { why: 'its certificate names no source', fix: () => ASK },
  'gateway.certificate-revoked': { why: 'it is revoked', fix: (name) => `strongroom sources --revoked (if it shall send again: ${NEW_FILES(name)})` },
  'gateway.certificate-replaced': { why: 'it shows a certificate that was replaced', fix: () => 'strongroom sources (put the newest files in place there, and restart the sender)' },
  'gateway.source-not-enrolled': { why: 'it is not enrolled', fix: (name) => `strongroom enrol ${name} --out ./${name}` },
  'gateway.no-certificate': { why: 'it shows no certificate', fix: () => 'strongroom enrol NAME --out DIR (if it is a sender of yours: and have it use cert.pem and key.pem)', isForeign: true },
  'gateway.certificate-refused-by-peer': { why: 'it does not accept our certificate: its ca.pem, or the name by which it calls us', fix: () => 'strongroom doctor --to HOST:PORT --identity DIR (on that sender)', isForeign: true },
  'gateway.protocol-version': { why: 'it does not speak TLS 1.3', fix: () => 'openssl version (on that sender; 1.1.1 or newer is needed)', isForeign: true },
  'gateway.not-tls': { why: 'it does not speak TLS', fix: () => 'strongroom config explain (send to the TLS port by TLS, or enable gateway.listeners.syslogTcp)', isForeign: true },
};

/** Since a moment, oldest first. */
export function refusalsSince(events: readonly ServiceEvent[], sinceMs: number, registry: Registry): Refusal[] {
  return events.flatMap((one): Refusal[] => {
    const reason = one.service === 'gateway' ? REASONS[one.event] : undefined;
    const atMs = Date.parse(one.time);
    if (reason === undefined || !(atMs > sinceMs)) return [];
    const claimed = /\/source\/([A-Za-z0-9._-]+)/.exec(String(one.fields['names'] ?? ''))?.[1] ?? null;
    const isKnown = claimed !== null && (reason.isForeign !== true || isKeyOf(registry, claimed, one.fields['keyHash']));
    const source = isKnown ? claimed : null;
    const isCertified = source !== null || !one.event.startsWith('gateway.certificate-') || claimed === null;
    return [{
      event: one.event, atMs, time: one.time, peer: String(one.fields['peer'] ?? 'an address that was not told'), source, claimed,
      why: reason.why, fix: source !== null ? reason.fix(source) : isCertified ? reason.fix('NAME') : ASK,
    }];
  });
}

/** Who holds it: TLS has made sure of that. */
function isKeyOf({ sources }: Registry, name: string, keyHash: unknown): boolean {
  return Object.hasOwn(sources, name) && sources[name]!.keyHash === keyHash;
}

/** `web-01 at 10.0.0.7:4711`, or what it says it is. */
export function whoOf({ source, claimed, peer }: Refusal): string {
  if (source !== null) return `${source} at ${peer}`;
  return claimed === null ? `somebody at ${peer}` : `somebody at ${peer} who says to be ${claimed}, and has not its key,`;
}
