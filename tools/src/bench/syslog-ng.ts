// SPDX-License-Identifier: Apache-2.0
// syslog-ng in the same role as rsyslog. Debian's package of it conflicts with rsyslog, so it is downloaded and unpacked
// into a temporary directory, never installed.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failed } from '@strongroom/bytes';
import { writePeerFiles, type PeerFiles } from './certificates.ts';
import { LinesFile } from './lines-file.ts';
import { freePorts, PeerProcess } from './peer-process.ts';
import type { Subject } from './subject.ts';

/** The package, and what it needs that a minimal Debian 12 lacks. */
const PACKAGES = ['syslog-ng-core', 'libivykis0', 'libnet1', 'libpcre3', 'libwrap0', 'libjson-c5'];

export async function startSyslogNg(): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-bench-syslog-ng-'));
  try {
    return await start(directory, unpack(directory));
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

interface Unpacked {
  readonly program: string;
  readonly modules: string;
  readonly environment: NodeJS.ProcessEnv;
}

async function start(directory: string, { program, modules, environment }: Unpacked): Promise<Subject> {
  const files = await writePeerFiles(directory);
  const [port = 0] = await freePorts(1);
  const output = join(directory, 'events.json');
  const version = /^syslog-ng \d+ \(([^)]+)\)|Installer-Version: (\S+)/m.exec(spawnSync(program, ['--version'], { env: environment, encoding: 'utf8' }).stdout)?.slice(1).find(Boolean) ?? 'of Debian';
  writeFileSync(join(directory, 'syslog-ng.conf'), configuration(version, files, port, output));
  const paths = [['-f', 'syslog-ng.conf'], ['--persist-file', 'persist'], ['--pidfile', 'pid'], ['--control', 'control']].flatMap(([flag = '', name = '']) => [flag, join(directory, name)]);
  const peer = await PeerProcess.start([program, '-F', '--no-caps', `--module-path=${modules}`, ...paths], [port], environment);
  const lines = new LinesFile(output);
  return {
    name: 'syslog-ng', version, keeps: 'plain JSON lines, not synced', pid: peer.pid, relp: null, syslog: { port, ca: files.ca, ...files.client },
    begin: async () => lines.clear(),
    kept: (_events, over) => lines.kept(over),
    check: async () => ({ ok: true, text: 'lines counted after each leg' }),
    stop: async () => { await peer.stop(); rmSync(directory, { recursive: true }); },
  };
}

/** Throws `Failed('bench.syslog-ng')`. */
function unpack(directory: string): Unpacked {
  const [archives, root] = [join(directory, 'archives'), join(directory, 'root')];
  mkdirSync(archives);
  run(['apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', ...PACKAGES], archives);
  for (const archive of globSync('*.deb', { cwd: archives })) run(['dpkg-deb', '-x', archive, root], archives);
  const program = join(root, 'usr/sbin/syslog-ng');
  const [modules] = globSync('usr/lib/syslog-ng/*', { cwd: root }).filter((path) => existsSync(join(root, path, 'libafsocket.so')));
  if (!existsSync(program) || modules === undefined) throw failed('the packages do not hold what was expected');
  const libraries = globSync(['usr/lib/*-linux-gnu*', 'lib/*-linux-gnu*', 'usr/lib/syslog-ng'], { cwd: root }).map((path) => join(root, path));
  return { program, modules: join(root, modules), environment: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') } };
}

function run([command = '', ...args]: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw failed(`${command}: ${stderr || error?.message || `exit code ${status}`}`);
}

function failed(why: string): Failed {
  return new Failed('bench.syslog-ng', 'syslog-ng cannot be had here', { why, fix: 'leave it out, or make apt-get download work' });
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
