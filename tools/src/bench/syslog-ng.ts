// SPDX-License-Identifier: Apache-2.0
// syslog-ng in the same role as rsyslog.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackedSyslogNg } from '@strongroom/testing';
import { writePeerFiles, type PeerFiles } from './certificates.ts';
import { LinesFile } from './lines-file.ts';
import { freePorts, PeerProcess } from './peer-process.ts';
import type { Subject } from './subject.ts';

/** Throws `Failed('package.unpack')`. */
export async function startSyslogNg(): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-syslog-ng-'));
  try {
    return await start(directory);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

async function start(directory: string): Promise<Subject> {
  const { program, version, environment } = unpackedSyslogNg();
  const files = await writePeerFiles(directory);
  const [port = 0] = await freePorts(1);
  const output = join(directory, 'events.json');
  writeFileSync(join(directory, 'syslog-ng.conf'), configuration(version, files, port, output));
  const paths = [['-f', 'syslog-ng.conf'], ['--persist-file', 'persist'], ['--pidfile', 'pid'], ['--control', 'control']].flatMap(([flag = '', name = '']) => [flag, join(directory, name)]);
  const peer = await PeerProcess.start([program, '-F', '--no-caps', ...paths], [port], environment);
  const lines = new LinesFile(output);
  return {
    name: 'syslog-ng', version, keeps: 'plain JSON lines, not synced', pid: peer.pid, relp: null, syslog: { port, ca: files.ca, ...files.client },
    begin: async () => lines.clear(),
    kept: (_events, over) => lines.kept(over),
    check: async () => ({ ok: true, text: 'lines counted after each leg' }),
    stop: async () => { await peer.stop(); rmSync(directory, { recursive: true }); },
  };
}

/** Flow control makes the source wait instead of dropping. */
function configuration(version: string, { ca, server }: PeerFiles, port: number, output: string): string {
  return `@version: ${/^\d+\.\d+/.exec(version)?.[0] ?? '3.38'}
options { keep-hostname(yes); use-dns(no); stats-freq(0); };
source s_tls {
  syslog(ip("127.0.0.1") port(${port}) transport("tls") max-connections(100) log-iw-size(100000) log-fetch-limit(1000)
    tls(ca-file("${ca}") cert-file("${server.certificate}") key-file("${server.key}") peer-verify(required-trusted)
      ssl-options(no-sslv2, no-sslv3, no-tlsv1, no-tlsv11, no-tlsv12)));
};
destination d_file {
  file("${output}" log-fifo-size(200000) flush-lines(1000)
    template("$(format-json received=\${R_ISODATE} time=\${ISODATE} peer=\${SOURCEIP} host=\${HOST} priority=\${PRI} app=\${PROGRAM} procid=\${PID} msgid=\${MSGID} data=\${SDATA} message=\${MSG})\\n"));
};
log { source(s_tls); destination(d_file); flags(flow-control); };
`;
}
