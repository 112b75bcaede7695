// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { GIB, MIB, section, text, whole } from '../section.ts';

export const vault = section('What seals and keeps.', {
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
