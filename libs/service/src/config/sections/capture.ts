// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { facts, flag, GIB, MIB, section, text, whole } from '../section.ts';

export const capture = section('What is taken from this host.', {
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
