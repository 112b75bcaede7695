// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import { COVERAGE_PROTOCOL, CoverageProjection, decodeCoverage, FeedHistory } from '@strongroom/service/coverage';
import { openReader } from '../connections.ts';
import { picture } from '../coverage/picture.ts';
import { reportOf } from '../coverage/report.ts';
import { coverageLines } from '../coverage/screen.ts';
import { askedSource, itemsOf } from '../items.ts';
import { writeList, writeValue } from '../output.ts';
import { parseTime } from '../time.ts';
import { EXIT, verb } from '../verb.ts';
import { IDENTITY_OPTION } from './reading.ts';
import { keepingResult, tellUnread } from './search.ts';

/** Who there is is sealed every hour, so the two hours before say who was there at the beginning. */
const BEFORE_NS = 7_200_000_000_000n;

export const coverage = verb({
  details: [
    'Shows for which share of the time evidence was taken, for the appliance and for each source, and every gap with its cause: from when to when, how exactly that is known, why, and '
      + 'how sure that is. It is worked out from sealed records alone: signs of life, dark zones, and sources that fell silent against their own habit.',
    'certain: it was written down, or somebody else saw it; likely: it fits, and nothing speaks against it; weak: little speaks for it. Lengths in brackets are those by which a clock was set: nothing is missing there.',
    'Where it went dark without a last word, FROM is when the last that is sealed was received: what is counted as missing is at most what was. All times are UTC. In JSON "coveredNs", "lostNs" and "setNs" (by which the clock was set) are together the time from "from" to "to".',
    'Of more than 40 sources those with gaps come first, and the rest is one line; name one, or take JSON, for all.',
    'With -o svg it is a picture for a report: a row for each source, gaps by cause in colours and patterns. Reading evidence needs the right of a reader, and is itself recorded.',
  ],
  arguments: [{ name: 'source', description: 'Of one source alone: its name, or service/NAME for one of our own services', required: false }],
  options: {
    since: { kind: 'text', value: 'TIME', default: '30d', description: 'From when on: a time before now (90s, 15m, 1h, 2d, 1w) or RFC 3339' },
    until: { kind: 'text', value: 'TIME', default: 'now', description: 'Up to when, written in the same way' },
    identity: IDENTITY_OPTION,
  },
  formats: ['svg'],
  examples: [
    { command: 'strongroom coverage --since 30d', what: 'The last 30 days' },
    { command: 'strongroom coverage -o svg --since 2026-03-01 --until 2026-04-01 > march.svg', what: 'A month, as a picture' },
    { command: "strongroom coverage web-01 --since 1w -o json | jq '.sources[].gaps'", what: 'Gaps of one source' },
  ],
  exitCodes: { 4: 'not all could be looked at' },
  async run(call) {
    const now = call.io.now();
    const [sinceNs, untilNs] = [parseTime(call.options.since, now), parseTime(call.options.until, now)];
    if (sinceNs >= untilNs) throw noTime(call.options.since, call.options.until);
    const { client, deployment } = await openReader(call.paths, call.options.identity);
    try {
      const since = String(sinceNs > BEFORE_NS ? sinceNs - BEFORE_NS : 0n);
      const feeds = new FeedHistory();
      const power = { source: askedSource('service/rack-monitor', deployment), protocol: 'power', kind: 'data', text: '"feeds":', since };
      for await (const { raw } of itemsOf(client.stream('search', power, call.io.out.closed))) if (raw !== undefined) feeds.take(raw);
      const asked = { source: askedSource('service/supervisor', deployment), protocol: COVERAGE_PROTOCOL, kind: 'data', since };
      const [projection, ended] = [new CoverageProjection(sinceNs, untilNs, feeds), {} as { result?: unknown }];
      for await (const { raw } of itemsOf(keepingResult(client.stream('search', asked, call.io.out.closed), ended))) {
        const record = raw === undefined ? null : decodeCoverage(raw);
        if (record !== null) projection.take(record);
      }
      const whole = reportOf(deployment, projection.end());
      const { source } = call.arguments;
      const report = source === undefined ? whole : { ...whole, sources: whole.sources.filter((one) => one.source === source) };
      if (source !== undefined && report.sources.length === 0) throw unknownSource(source);
      if (call.format === 'svg') await call.io.out.write(picture(report));
      else if (call.format === 'jsonl') await writeList(call, [{ source: 'appliance', ...report.appliance }, ...report.sources], () => []);
      else await writeValue(call, report, () => coverageLines(report, call.io.out.style, call.io.out.columns));
      return await tellUnread(call, ended.result) ? EXIT.ok : EXIT.degraded;
    } finally {
      client.close();
    }
  },
});

function noTime(since: string, until: string): Refused {
  return new Refused('usage.time', 'there is no time between --since and --until', { why: `--since ${since} is not before --until ${until}`, fix: 'exchange them' });
}

function unknownSource(source: string): Refused {
  return new Refused('usage.source', `nothing was heard of "${source.slice(0, 60)}"`, { why: 'it is not among the sources of this time', fix: 'see "strongroom coverage" for those that are' });
}
