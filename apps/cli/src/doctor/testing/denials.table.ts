// SPDX-License-Identifier: Apache-2.0
// What the kernel wrote when it forbade a Node to listen: Linux 6.1.0-56-cloud-amd64 of Debian 12 in an emulated machine, profiles by
// apparmor_parser 3.0.8, Node 26.10.0. suites/src/denials.test.ts does it again and prints them.

/** A profile without net_bind_service, and one without the network; what they tell of is a port below 1024, or any. */
export const APPARMOR_CAPABILITY = 'audit(1795822451.675:7): apparmor="DENIED" operation="capable" profile="strongroom-cap" pid=123 comm="node-MainThread" capability=10  capname="net_bind_service"';
export const APPARMOR_STREAM = 'audit(1795822465.483:8): apparmor="DENIED" operation="create" profile="strongroom-net" pid=131 comm="node-MainThread" family="inet" sock_type="stream" protocol=0 requested_mask="create" denied_mask="create"';
export const APPARMOR_STREAM_V6 = 'audit(1795822491.147:9): apparmor="DENIED" operation="create" profile="strongroom-net" pid=139 comm="node-MainThread" family="inet6" sock_type="stream" protocol=0 requested_mask="create" denied_mask="create"';
export const APPARMOR_DATAGRAMS = 'audit(1795822501.375:10): apparmor="DENIED" operation="create" profile="strongroom-dgram" pid=147 comm="node-MainThread" family="inet" sock_type="dgram" protocol=0 requested_mask="create" denied_mask="create"';

/** As a message of the kernel, where no auditd runs; as /dev/kmsg gives it. */
export function asMessage(said: string): string {
  return `5,812,103461077,-;audit: type=1400 ${said}\n`;
}

/** As auditd writes it. */
export function asAuditd(said: string): string {
  return `type=AVC msg=${said}`;
}
