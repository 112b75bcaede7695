// SPDX-License-Identifier: Apache-2.0
// rsyslog as it is commonly run as a central collector: TLS with client certificates in, one JSON object a line out.
// It does not sync its file, and acknowledges RELP when a message is in its memory.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePeerFiles, type PeerFiles } from './certificates.ts';
import { LinesFile } from './lines-file.ts';
import { freePorts, PeerProcess } from './peer-process.ts';
import type { Subject } from './subject.ts';

const PROGRAM = '/usr/sbin/rsyslogd';
const MODULES = ['/usr/lib/x86_64-linux-gnu/rsyslog', '/usr/lib/aarch64-linux-gnu/rsyslog', '/usr/lib/rsyslog', '/usr/lib64/rsyslog'];
const NEEDED = ['lmnsd_ossl.so', 'imrelp.so'];

/** Its version, or null when it (or its TLS or RELP module) is not installed. */
export function rsyslogVersion(): string | null {
  if (!existsSync(PROGRAM)) return null;
  if (!MODULES.some((directory) => NEEDED.every((module) => existsSync(join(directory, module))))) return null;
  return /rsyslogd\s+(\S+)/.exec(spawnSync(PROGRAM, ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? null;
}

export async function startRsyslog(version: string): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-rsyslog-'));
  mkdirSync(join(directory, 'work'));
  const files = await writePeerFiles(directory);
  const [port = 0, relpPort = 0] = await freePorts(2);
  const output = join(directory, 'events.json');
  const config = join(directory, 'rsyslog.conf');
  writeFileSync(config, configuration({ files, port, relpPort, output, work: join(directory, 'work') }));
  const lines = new LinesFile(output);
  const peer = await PeerProcess.start([PROGRAM, '-n', '-f', config, '-i', join(directory, 'pid')], [port, relpPort])
    .catch((error: unknown) => { rmSync(directory, { recursive: true }); throw error; });
  const target = { port, ca: files.ca, ...files.client };
  return {
    name: 'rsyslog', version, keeps: 'plain JSON lines, not synced', pid: peer.pid, syslog: target, relp: { ...target, port: relpPort },
    begin: async () => lines.clear(),
    kept: (_events, over) => lines.kept(over),
    check: async () => ({ ok: true, text: 'lines counted after each leg' }),
    stop: async () => { await peer.stop(); rmSync(directory, { recursive: true }); },
  };
}

interface Places {
  readonly files: PeerFiles;
  readonly port: number;
  readonly relpPort: number;
  readonly output: string;
  readonly work: string;
}

/** A full queue makes inputs wait; nothing is ever discarded. */
function configuration({ files: { ca, server }, port, relpPort, output, work }: Places): string {
  return `global(workDirectory="${work}" defaultNetstreamDriverCAFile="${ca}"
  defaultNetstreamDriverCertFile="${server.certificate}" defaultNetstreamDriverKeyFile="${server.key}")
main_queue(queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="1024" queue.workerThreads="1" queue.timeoutEnqueue="600000")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid" gnutlsPriorityString="MinProtocol=TLSv1.3")
module(load="imrelp" tls.tlslib="openssl")
template(name="json" type="list" option.jsonf="on") {
  property(outname="received" name="timegenerated" dateFormat="rfc3339" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="peer" name="fromhost-ip" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="priority" name="pri" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}
input(type="imtcp" address="127.0.0.1" port="${port}")
input(type="imrelp" address="127.0.0.1" port="${relpPort}" tls="on" tls.authMode="certvalid" tls.tlsCfgCmd="MinProtocol=TLSv1.3"
  tls.caCert="${ca}" tls.myCert="${server.certificate}" tls.myPrivKey="${server.key}")
action(type="omfile" file="${output}" template="json")
`;
}
