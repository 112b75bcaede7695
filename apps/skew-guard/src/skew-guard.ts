// SPDX-License-Identifier: Apache-2.0
// One life of skew-guard: looks once a second, publishes what may be said, and has it sealed when that changes.
import { setTimeout as delay } from 'node:timers/promises';
import { bootId, voiceOf, withLine, type ClockFacts, type ServiceContext, type SubmitClient } from '@strongroom/service';
import { EVENTS } from './events.ts';
import { Anchors } from './state/anchors.ts';
import { Producers } from './producers/producers.ts';
import { History } from './state/history.ts';
import { Guard } from './state/guard.ts';
import { Reporter } from './state/reporter.ts';
import { Setters } from './state/setters.ts';
import { Zones } from './kernel/zones.ts';
import { Looks } from './looks.ts';
import { settingsOf } from './settings.ts';

const LOOK_MS = 1000;
const DRAIN_MS_MAX = 5000;

/** Runs until `context.stop` is aborted. Rejects with `Failed('submit.vault-forgot')`. */
export async function skewGuard(context: ServiceContext): Promise<void> {
  await withLine(context, 'skew-guard', (client) => live(context, client));
}

async function live(context: ServiceContext, client: SubmitClient): Promise<void> {
  const { evidence, say, incidents } = voiceOf(context, client, 'skew-guard', EVENTS);
  const { guard: settings, thresholds, producers: producerSettings } = settingsOf(context.config.clock);
  const anchors = new Anchors(context.paths.anchor, bootId(), say);
  const guard = new Guard(settings, anchors.last);
  const looks = new Looks(context.config.clock, context.paths.clock, context.stop, say);
  const setters = new Setters(say);
  context.onMessage('clock-set', ({ by }) => setters.called(by));
  const [reporter, history, zones] = [new Reporter(thresholds, say, incidents, setters), new History(), new Zones(say)];
  const producers = new Producers(producerSettings, say, incidents);
  context.onMessage('claims', ({ sources }) => producers.take(sources, performance.now()));
  let facts: ClockFacts | null = null;
  context.onOrder('clock', async () => ({ now: facts, history: history.points, producers: producers.clocks }));
  context.stats(() => ({ values: { ...reporter.values, ...producers.values, ...incidents.values() }, incidents: incidents.look(), clock: facts ?? undefined }));
  say('clock.started', { boot: anchors.boot.toString('hex'), resumed: anchors.last !== null, ...looks.asked });
  context.ready();
  while (!context.stop.aborted) {
    const observation = await looks.take();
    const judged = guard.judge(observation);
    anchors.publish(judged.claim, observation.moment);
    facts = reporter.report(judged, observation);
    history.add(judged, observation.moment);
    producers.look(performance.now(), facts.boundNs);
    zones.look();
    await delay(LOOK_MS, undefined, { signal: context.stop }).catch(() => undefined);
  }
  incidents.close();
  await Promise.race([evidence.close(String(context.stop.reason)), delay(DRAIN_MS_MAX, undefined, { ref: false })]);
}
