// SPDX-License-Identifier: Apache-2.0
import { Refused } from '@strongroom/bytes';
import type { RpcClient, WatchItem } from '@strongroom/service/client';
import { openControl } from '../connections.ts';
import { untilInterrupted } from '../interrupt.ts';
import { writeStream, writeValue } from '../output.ts';
import { TopModel, type Sample } from '../top/model.ts';
import { frameLines } from '../top/screen.ts';
import { openScreen } from '../top/terminal.ts';
import { EXIT, verb, type Call } from '../verb.ts';

export const top = verb({
  details: [
    'For each source: events per second with their course, acknowledged octets per second, how long the oldest '
      + 'unacknowledged record has waited, how much waits (back-pressure), and its connections. For each origin on this host '
      + '(kmsg, journal, audit, ebpf, files): how much it produced by its own count, and what became of it. A new sample comes each second; '
      + 'q or Ctrl-C ends it.',
  ],
  arguments: [],
  options: { once: { kind: 'flag', description: 'Show one sample, taken over a second, and end' } },
  examples: [
    { command: 'strongroom top', what: 'The live screen' },
    { command: 'strongroom top --once -o json', what: 'One sample for a program' },
    { command: 'strongroom top -o jsonl', what: 'A sample each second' },
  ],
  async run(call) {
    const interrupted = untilInterrupted(call.io.out.closed);
    const client = await openControl(call.paths);
    try {
      if (call.options.once) await once(call, client, interrupted);
      else if (call.format !== 'table') await writeStream(call, samples(client, interrupted, new TopModel()), () => '');
      else await live(call, client, interrupted);
      return EXIT.ok;
    } finally {
      client.close();
    }
  },
});

type TopCall = Pick<Call, 'format' | 'io'>;

async function* samples(client: RpcClient, signal: AbortSignal, model: TopModel): AsyncGenerator<Sample> {
  for await (const item of client.stream('watch', {}, signal)) yield model.take(item as WatchItem);
}

/** Rates need two samples. */
async function once(call: TopCall, client: RpcClient, signal: AbortSignal): Promise<void> {
  const model = new TopModel();
  let seen = 0;
  for await (const sample of samples(client, signal, model)) {
    seen += 1;
    if (seen < 2) continue;
    await writeValue(call, sample, () => frameLines(sample, {
      columns: call.io.out.columns ?? 120, rows: Infinity, style: call.io.out.style, history: (source) => model.history(source),
    }).map((line) => line.trimEnd()));
    return;
  }
}

/** Throws `Refused('usage.no-terminal')` where there is none, `Failed('rpc.connection-lost')` when Strongroom stops. */
async function live({ io }: TopCall, client: RpcClient, signal: AbortSignal): Promise<void> {
  if (!io.out.isTerminal) {
    throw new Refused('usage.no-terminal', 'top needs a terminal', { why: 'stdout is none', fix: 'use "strongroom top -o jsonl", or --once' });
  }
  const model = new TopModel();
  const screen = openScreen(io.out);
  let last: Sample | undefined;
  const draw = async (): Promise<void> => {
    if (last === undefined) return;
    await screen.draw(frameLines(last, { columns: io.out.columns ?? 80, rows: io.out.rows ?? 24, style: io.out.style, history: (source) => model.history(source) }));
  };
  screen.onResize(() => void draw());
  try {
    for await (const sample of samples(client, AbortSignal.any([signal, screen.quit]), model)) {
      last = sample;
      await draw();
    }
  } finally {
    screen.close();
  }
}
