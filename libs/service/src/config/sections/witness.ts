// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { flag, list, section, text, whole } from '../section.ts';

export const witness = section('Others who vouch for this log, and for whose logs we vouch.', {
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
