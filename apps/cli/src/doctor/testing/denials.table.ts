// SPDX-License-Identifier: Apache-2.0
// What the kernel wrote when it forbade a Node to listen: Linux 6.1.0-56-cloud-amd64 of Debian 12 in an emulated machine, profiles by
// apparmor_parser 3.0.8, a policy by secilc 3.4, Node 26.10.0. suites/src/denials.test.ts does it again and prints them.

/** A profile without net_bind_service, and one without the network; what they tell of is a port below 1024, or any. */
export const APPARMOR_CAPABILITY = 'audit(1795822451.675:7): apparmor="DENIED" operation="capable" profile="strongroom-cap" pid=123 comm="node-MainThread" capability=10  capname="net_bind_service"';
export const APPARMOR_STREAM = 'audit(1795822465.483:8): apparmor="DENIED" operation="create" profile="strongroom-net" pid=131 comm="node-MainThread" family="inet" sock_type="stream" protocol=0 requested_mask="create" denied_mask="create"';
export const APPARMOR_STREAM_V6 = 'audit(1795822491.147:9): apparmor="DENIED" operation="create" profile="strongroom-net" pid=139 comm="node-MainThread" family="inet6" sock_type="stream" protocol=0 requested_mask="create" denied_mask="create"';
export const APPARMOR_DATAGRAMS = 'audit(1795822501.375:10): apparmor="DENIED" operation="create" profile="strongroom-dgram" pid=147 comm="node-MainThread" family="inet" sock_type="dgram" protocol=0 requested_mask="create" denied_mask="create"';

/** A policy in which nobody may bind to ports of these two types: one that is not ours, and the one that syslog has. */
export const SELINUX_PORT = 'audit(1795824263.067:5): avc:  denied  { name_bind } for  pid=126 comm="node-MainThread" src=6514 scontext=system_u:system_r:strongroom_t tcontext=system_u:system_r:port_t tclass=tcp_socket permissive=0';
export const SELINUX_SYSLOG_PORT = 'audit(1795824265.967:6): avc:  denied  { name_bind } for  pid=133 comm="node-MainThread" src=514 scontext=system_u:system_r:strongroom_t tcontext=system_u:system_r:syslogd_port_t tclass=udp_socket permissive=0';

/** As a message of the kernel, where no auditd runs; as /dev/kmsg gives it. */
export function asMessage(said: string): string {
  return `5,554,36556905,-;audit: type=1400 ${said}\n`;
}

/** As auditd writes it. */
export function asAuditd(said: string): string {
  return `type=AVC msg=${said}`;
}
