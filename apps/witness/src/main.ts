// SPDX-License-Identifier: Apache-2.0
// The witness: the one service that talks to others of its own accord. It carries our checkpoints to the witnesses of the
// policy and to a time stamping authority, and is a witness itself for the logs that the configuration names.
import { readFileSync } from 'node:fs';
import { Refused } from '@strongroom/bytes';
import { parsePolicy, timestampTrust } from '@strongroom/evidence';
import { pemDecode } from '@strongroom/keys';
import { runService, type Listener, type ServiceContext } from '@strongroom/service';
import { Carrier } from './carry/carry.ts';
import { VaultLine } from './carry/vault-line.ts';
import { EVENTS, type Say } from './events.ts';
import { openServing, type Serving } from './serve/serving.ts';
import { Stamper } from './stamp/stamper.ts';

runService('witness', async (context) => {
  process.umask(0o077);
  const { config: { witness: config }, stop } = context;
  const say: Say = (event, fields) => context.event(event, EVENTS[event], fields);
  const carrier = config.policy === undefined ? null : new Carrier({ context, policy: parsePolicy(readFileSync(context.paths.policy)), mirrors: config.mirrors, stop, say });
  const stamper = openStamper(context, say);
  const serving: Serving | null = config.serve.enabled ? await openServing(context, say) : null;
  context.stats(() => ({ values: { ...carrier?.values, ...stamper?.values, ...serving?.values } }));
  const listeners: Listener[] = serving === null ? [] : [{ protocol: 'witness', address: serving.address }];
  context.onOrder('timestamp-now', async (args) => {
    if (stamper === null) throw new Refused('timestamp.no-authority', 'there is no time stamping authority', { why: 'witness.timestamps.url is not configured' });
    return stamper.now((args as { readonly after: number }).after);
  });
  context.ready(listeners);
  context.state('running');
  await Promise.all([carrier?.run(), stamper?.run(), context.stopped]);
  serving?.close();
});

function openStamper(context: ServiceContext, say: Say): Stamper | null {
  const { url, policy, timeoutMs } = context.config.witness.timestamps;
  if (url === undefined) return null;
  const vault = new VaultLine(context);
  context.stop.addEventListener('abort', () => vault.close());
  return new Stamper({ url, policy, timeoutMs, trust: timestampTrust(pemDecode('CERTIFICATE', readFileSync(context.paths.timestampRoots, 'utf8'))), vault, stop: context.stop, say });
}
