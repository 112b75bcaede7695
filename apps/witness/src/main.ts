// SPDX-License-Identifier: Apache-2.0
// The witness: the one service that talks to others of its own accord. It carries our checkpoints to the witnesses of the
// policy, and is a witness itself for the logs that the configuration names.
import { readFileSync } from 'node:fs';
import { parsePolicy } from '@strongroom/evidence';
import { runService, type Listener } from '@strongroom/service';
import { Carrier } from './carry/carry.ts';
import { EVENTS, type Say } from './events.ts';
import { openServing, type Serving } from './serve/serving.ts';

runService('witness', async (context) => {
  process.umask(0o077);
  const { config: { witness: config }, stop } = context;
  const say: Say = (event, fields) => context.event(event, EVENTS[event], fields);
  const carrier = config.policy === undefined ? null : new Carrier({ context, policy: parsePolicy(readFileSync(context.paths.policy)), stop, say });
  const serving: Serving | null = config.serve.enabled ? await openServing(context, say) : null;
  context.stats(() => ({ values: { ...carrier?.values, ...serving?.values } }));
  const listeners: Listener[] = serving === null ? [] : [{ protocol: 'witness', address: serving.address }];
  context.ready(listeners);
  context.state('running');
  await Promise.all([carrier?.run(), context.stopped]);
  serving?.close();
});
