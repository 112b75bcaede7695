// SPDX-License-Identifier: Apache-2.0
// Drop-ins for rsyslog, written for and tried with 8.2302 (Debian 12).

export interface ProducerConfiguration {
  readonly source: string;
  readonly address: string;
  readonly syslogPort: number;
  readonly relpPort: number;
  /** DNS name in the server's certificate. */
  readonly serverName: string;
  /** Paths of PEM files on the producer. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** Syslog over TLS 1.3, octet-counted (RFC 5425): omfwd with the OpenSSL driver. */
export function rsyslogConfiguration(to: ProducerConfiguration): string {
  return `# ${to.source}: sends everything to Strongroom by syslog over TLS.
# Needs the package rsyslog-openssl. Copy to /etc/rsyslog.d/, check with "rsyslogd -N1", restart rsyslog.
# Syslog has no acknowledgements: what is on its way when a connection breaks may be lost. rsyslog-relp.conf has them;
# use one of the two.
action(
  type="omfwd" name="strongroom"
  target="${to.address}" port="${to.syslogPort}" protocol="tcp" TCP_Framing="octet-counted"
  template="RSYSLOG_SyslogProtocol23Format"
  StreamDriver="ossl" StreamDriverMode="1" gnutlsPriorityString="MinProtocol=TLSv1.3"
  StreamDriver.CAFile="${to.ca}"
  StreamDriver.CertFile="${to.certificate}"
  StreamDriver.KeyFile="${to.key}"
  # The server must show a certificate of that CA with this DNS name; rsyslog compares no addresses.
  StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="${to.serverName}"
  KeepAlive="on" ResendLastMSGOnReconnect="on"
${queue()}
)
`;
}

/** RELP over TLS 1.3: each message stays in the queue until it is sealed. */
export function rsyslogRelpConfiguration(to: ProducerConfiguration): string {
  return `# ${to.source}: sends everything to Strongroom by RELP over TLS, and forgets a message only when it is sealed there.
# Needs the package rsyslog-relp. Copy to /etc/rsyslog.d/, check with "rsyslogd -N1", restart rsyslog.
# Use this or rsyslog.conf, not both.
# When a connection breaks rsyslog notices with the next message that it has to send, and then sends again what was not
# acknowledged: on a host that logs nothing more, those messages wait in its memory until it does. A restart of rsyslog
# before that loses them, so log a line first ("logger hello").
module(load="omrelp" tls.tlslib="openssl")
action(
  type="omrelp" name="strongroom"
  target="${to.address}" port="${to.relpPort}"
  template="RSYSLOG_SyslogProtocol23Format"
  tls="on" tls.tlsCfgCmd="MinProtocol=TLSv1.3"
  tls.caCert="${to.ca}"
  tls.myCert="${to.certificate}"
  tls.myPrivKey="${to.key}"
  # The server must show a certificate of that CA with this DNS name; rsyslog compares no addresses.
  tls.authMode="name" tls.permittedPeer=["${to.serverName}"]
  # Sent and not yet acknowledged. With the usual 128 a window can be smaller than a TCP segment, and rsyslog, which
  # holds segments back until they are full, then stands still for 200 ms in each.
  windowSize="1024"
${queue()}
)
`;
}

/** One queue for both: memory first, then files in rsyslog's work directory, kept over restarts. */
function queue(): string {
  return `  # While Strongroom is away messages wait, in memory and then in files of rsyslog's work directory, also over restarts.
  # When maxDiskSpace is full too, rsyslog drops: give it what your longest outage writes.
  queue.type="LinkedList" queue.filename="strongroom" queue.saveOnShutdown="on"
  queue.size="50000" queue.dequeueBatchSize="1000" queue.maxFileSize="64m" queue.maxDiskSpace="4g"
  action.resumeRetryCount="-1" action.resumeInterval="5" action.resumeIntervalMax="60"`;
}
