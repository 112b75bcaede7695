// SPDX-License-Identifier: Apache-2.0
// A drop-in for syslog-ng, written for and tried with 3.38 (Debian 12).
import type { ProducerConfiguration } from './rsyslog-configuration.ts';

/** Syslog over TLS 1.3, octet-counted (RFC 5425): the syslog() driver with a reliable disk buffer. */
export function syslogNgConfiguration(to: ProducerConfiguration): string {
  return `# ${to.source}: sends everything to Strongroom by syslog over TLS.
# Copy to /etc/syslog-ng/conf.d/, check with "syslog-ng -s", restart syslog-ng. s_src is the source that Debian's
# syslog-ng.conf defines; name yours if it is another.
destination d_strongroom {
  syslog("${to.address}" port(${to.syslogPort}) transport("tls")
    tls(
      ca-file("${to.ca}")
      cert-file("${to.certificate}")
      key-file("${to.key}")
      # The server must show a certificate of that CA with the name or address that stands above.
      peer-verify(required-trusted)
      ssl-options(no-sslv2, no-sslv3, no-tlsv1, no-tlsv11, no-tlsv12)
    )
    ts-format(iso) frac-digits(6) so-keepalive(yes) time-reopen(5)
    # Syslog has no acknowledgements: syslog-ng 3.38 does not notice that an idle connection died, and loses the first
    # message that it writes afterwards. Strongroom records the gap. RELP, which rsyslog speaks, has acknowledgements.
    # While Strongroom is away messages wait here, also over restarts. 4 GiB; then flow-control slows the sources.
    disk-buffer(reliable(yes) disk-buf-size(4294967296) mem-buf-size(67108864))
  );
};
log { source(s_src); destination(d_strongroom); flags(flow-control); };
`;
}
