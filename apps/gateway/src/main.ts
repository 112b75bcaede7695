// SPDX-License-Identifier: Apache-2.0
// The gateway: takes producers' records over the network and submits them to the vault. It holds no key of the store,
// reads no history and writes nothing to disk.
import { once } from 'node:events';
import { setDefaultHighWaterMark } from 'node:stream';
import { runService } from '@strongroom/service';
import { Gateway } from './gateway.ts';

/** What a paused connection may still read into memory: one TLS record, not four. Thousands may be paused at once. */
const PAUSED_BYTES = 16 * 1024;
setDefaultHighWaterMark(false, PAUSED_BYTES);

runService('gateway', async (context) => {
  const fatal = Promise.withResolvers<never>();
  fatal.promise.catch(() => undefined); // it is raced below, where it ends the service
  const gateway = new Gateway(context, fatal.reject);
  context.ready(await gateway.open());
  context.state('running');
  if (!context.stop.aborted) await Promise.race([once(context.stop, 'abort'), fatal.promise]);
  await Promise.race([gateway.close(), fatal.promise]);
});
