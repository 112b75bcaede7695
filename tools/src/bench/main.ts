// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: Strongroom and what it is compared with, measured in one run. See docs/BENCHMARKS.md.
import { join } from 'node:path';
import { Failed, Refused } from '@strongroom/bytes';
import { measureClock } from './clock/measure.ts';
import { clockReport } from './clock/report.ts';
import { measureKernel } from './kernel/measure.ts';
import { measureQuiet } from './kernel/quiet.ts';
import { kernelReport, quietReport } from './kernel/report.ts';
import { readOptions, USAGE, wants, type Options } from './options.ts';
import { replaceResults } from './page.ts';
import { ProfiledServices } from './profile.ts';
import { measureRack } from './rack/measure.ts';
import { rackReport } from './rack/report.ts';
import { measureReading } from './reading/measure.ts';
import { readingReport } from './reading/report.ts';
import { report } from './report.ts';
import { rsyslogVersion, startRsyslog } from './rsyslog.ts';
import { measure } from './run.ts';
import { startStrongroom } from './strongroom.ts';
import type { Subject } from './subject.ts';
import { startSyslogNg } from './syslog-ng.ts';
import { Tally } from './tally.ts';

const PAGE = join(import.meta.dirname, '../../../docs/BENCHMARKS.md');
const EXIT = { ok: 0, incomplete: 1, usage: 2, interrupted: 130 } as const;

const subjects: Subject[] = [];
/** Whatever runs for a measurement. */
const started: { stop(): Promise<unknown> }[] = [];
let stopping: Promise<unknown> | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stopAll().then(() => process.exit(EXIT.interrupted)));

try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else if (options.clock) process.exitCode = await clock(options);
  else process.exitCode = await (options.rackDevices !== null ? rack(options, options.rackDevices) : options.quiet !== null ? quiet(options, options.quiet) : options.kernelExecs !== null ? kernel(options, options.kernelExecs) : options.reading === null ? run(options) : read(options, options.reading));
} catch (error) {
  const known = error instanceof Refused || error instanceof Failed;
  console.error(known ? [`bench: ${error.message}`, `  why: ${error.why ?? error.code}`, `  do:  ${error.fix ?? 'try again'}`].join('\n') : error);
  process.exitCode = error instanceof Refused ? EXIT.usage : EXIT.incomplete;
}

async function run(options: Options): Promise<number> {
  const profiled = options.profile ? new ProfiledServices() : null;
  const tally = new Tally();
  try {
    await startAll(options, profiled?.environment ?? {});
    const { results, complete } = await measure(subjects, options, tally, say);
    await stopAll();
    const text = report(results);
    console.log(text);
    if (profiled !== null) console.log(profiled.report(tally.sent('strongroom')));
    if (options.write) replaceResults(PAGE, text);
    return complete ? EXIT.ok : EXIT.incomplete;
  } finally {
    await stopAll();
    profiled?.clear();
  }
}

async function read({ write }: Options, reading: NonNullable<Options['reading']>): Promise<number> {
  try {
    const text = readingReport(await measureReading(reading, say, (appliance) => { started.push(appliance); }));
    console.log(text);
    if (write) replaceResults(PAGE, text, 'reading');
    return EXIT.ok;
  } finally {
    await stopAll();
  }
}

async function clock({ write, seconds }: Options): Promise<number> {
  const figures = await measureClock(seconds, say, (one) => { started.push(one); });
  const text = clockReport(figures);
  console.log(text);
  if (write) replaceResults(PAGE, text, 'clock');
  return figures.broken === 0 ? EXIT.ok : EXIT.incomplete;
}

async function kernel({ write, seconds }: Options, execs: number): Promise<number> {
  const text = kernelReport(await measureKernel(seconds, execs, say));
  console.log(text);
  if (write) replaceResults(PAGE, text, 'kernel');
  return EXIT.ok;
}

async function quiet({ write }: Options, { seconds, settleSeconds, ways }: NonNullable<Options['quiet']>): Promise<number> {
  const text = quietReport(await measureQuiet(seconds, settleSeconds, ways, say), settleSeconds);
  console.log(text);
  if (write) replaceResults(PAGE, text, 'quiet');
  return EXIT.ok;
}

async function rack({ write, seconds }: Options, devices: number): Promise<number> {
  const text = rackReport(await measureRack(devices, seconds, say, (one) => { started.push(one); }));
  console.log(text);
  if (write) replaceResults(PAGE, text, 'rack');
  return EXIT.ok;
}

async function startAll({ only }: Options, environment: Readonly<Record<string, string>>): Promise<void> {
  say('starting');
  if (wants(only, 'strongroom')) subjects.push(await startStrongroom(environment));
  if (wants(only, 'rsyslog')) {
    const version = rsyslogVersion();
    if (version === null) say('rsyslog is left out: it takes the packages rsyslog, rsyslog-openssl and rsyslog-relp');
    else subjects.push(await startRsyslog(version));
  }
  if (wants(only, 'syslog-ng')) subjects.push(await startSyslogNg());
}

function stopAll(): Promise<unknown> {
  stopping ??= Promise.allSettled([...subjects, ...started].map((one) => one.stop()));
  return stopping;
}

function say(line: string): void {
  console.error(`bench: ${line}`);
}
