#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs inside the guest of denials.test.ts: has AppArmor or SELinux forbid to listen, for real, and prints what the kernel and
# auditd wrote of it and what the doctor makes of that.
#   denials.guest.sh apparmor|selinux TOOLS AUDITD NODE STRONGROOM
module=$1 tools=$2 auditd=$3 node=$4 strongroom=$5
libraries() { find "$1"/lib "$1"/usr/lib -maxdepth 1 -name '*-linux-*' 2>/dev/null | tr '\n' ':'; }
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /tmp/audit
chmod 0700 /tmp/audit

cat > /tmp/listen.cjs <<'END'
const [transport, port] = process.argv.slice(2);
const done = (error) => { console.log(`listen: ${transport} ${port} ${error?.code ?? 'ok'}`); process.exit(); };
if (transport === 'tcp') require('net').createServer().on('error', done).listen(Number(port), '0.0.0.0', () => done());
else require('dgram').createSocket('udp4').on('error', done).bind(Number(port), () => done());
END

cat > /tmp/strongroom.yaml <<'END'
{"gateway":{"listeners":{"syslogTls":{"address":"0.0.0.0","port":514},"relpTls":{"address":"0.0.0.0","port":6514}}},"supervisor":{"metrics":{"port":0}}}
END

confine_apparmor() {
  profile() { printf 'profile %s flags=(attach_disconnected) { file, signal, ptrace, %s }\n' "$1" "$2" | LD_LIBRARY_PATH=$(libraries "$tools") "$tools/sbin/apparmor_parser" -r -K --policy-features=/sys/kernel/security/apparmor/features 2>/dev/null; }
  profile strongroom-capability 'capability dac_override, capability dac_read_search, network,'
  profile strongroom-network 'capability, network unix, network netlink,'
  profile strongroom-datagrams 'capability, network inet stream, network inet6 stream,'
  profile strongroom-quiet 'capability, network unix, network netlink, deny network inet, deny network inet6,'
}

# Nothing but name_bind has a rule here, and it has none that allows it: every other permission is unknown, and allowed.
confine_selinux() {
  {
    echo '(handleunknown allow)(class process (transition dyntransition))(class tcp_socket (name_bind))(class udp_socket (name_bind))(classorder (process tcp_socket udp_socket))'
    echo '(sensitivity s0)(sensitivityorder (s0))(user system_u)(role system_r)(type strongroom_t)(type port_t)(type syslogd_port_t)'
    echo '(userrole system_u system_r)(roletype system_r strongroom_t)(roletype system_r port_t)(roletype system_r syslogd_port_t)(userlevel system_u (s0))(userrange system_u ((s0)(s0)))'
    sids='kernel security unlabeled fs file file_labels init any_socket port netif netmsg node igmp_packet icmp_socket tcp_socket sysctl_modprobe sysctl sysctl_fs sysctl_kernel sysctl_net sysctl_net_unix sysctl_vm sysctl_dev kmod policy scmp_packet devnull'
    for sid in $sids; do
      [ "$sid" = port ] && type=port_t || type=strongroom_t
      echo "(sid $sid)(sidcontext $sid (system_u system_r $type ((s0)(s0))))"
    done
    echo "(sidorder ($sids))"
    echo '(portcon tcp 514 (system_u system_r syslogd_port_t ((s0)(s0))))(portcon udp 514 (system_u system_r syslogd_port_t ((s0)(s0))))'
    echo '(allow strongroom_t self (process (transition)))'
  } > /tmp/policy.cil
  LD_LIBRARY_PATH=$(libraries "$tools") "$tools/usr/bin/secilc" -o /tmp/policy -f /tmp/contexts /tmp/policy.cil || exit 1
  mount -t selinuxfs selinuxfs /sys/fs/selinux
  dd if=/tmp/policy of=/sys/fs/selinux/load bs=16M 2>/dev/null && echo 1 > /sys/fs/selinux/enforce || exit 1
}

try() {
  if [ "$module" = apparmor ]; then
    as() { LD_LIBRARY_PATH=$(libraries "$tools") "$tools/usr/bin/aa-exec" -p "strongroom-$1" -- env -u LD_LIBRARY_PATH "$node" /tmp/listen.cjs "$2" "$3"; }
    as capability tcp 514; as network tcp 6514; as datagrams udp 5514; as quiet tcp 6515
  else
    for one in 'tcp 514' 'tcp 6514' 'udp 514'; do "$node" /tmp/listen.cjs $one; done
  fi
}

diagnose() { STRONGROOM_CONFIG=/tmp/strongroom.yaml "$strongroom" doctor --home /tmp/home -o json | sed 's/^/doctor: /'; }

echo "kernel: $(uname -r) $(cat /sys/kernel/security/lsm)"
"confine_$module"
try
dd if=/dev/kmsg iflag=nonblock bs=8192 2>/dev/null | grep -aE 'apparmor="DENIED"|avc: *denied' | sed 's/^/kmsg: /'
diagnose
printf 'log_file = /tmp/audit/audit.log\nlog_format = RAW\nflush = NONE\nmax_log_file = 8\nmax_log_file_action = IGNORE\nspace_left = 1\nadmin_space_left = 0\n' > /tmp/audit/auditd.conf
LD_LIBRARY_PATH=$(libraries "$auditd") "$auditd/sbin/auditd" -n -c /tmp/audit -s enable &
until [ -s /tmp/audit/audit.log ]; do sleep 0.2; done
try
sync
grep -aE 'apparmor="DENIED"|avc: *denied' /tmp/audit/audit.log | sed 's/^/auditd: /'
kill $!
