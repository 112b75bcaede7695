// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { GIB, list, listener, section, text, whole } from '../section.ts';

export const gateway = section('What faces the network.', {
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
