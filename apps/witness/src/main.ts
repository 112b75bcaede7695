// SPDX-License-Identifier: Apache-2.0
// The witness: the one service that talks to others of its own accord. It carries our checkpoints to the witnesses of the
// policy, and is a witness itself for the logs that the configuration names.
import { runService } from '@strongroom/service';

runService('witness', async (context) => {
  context.stats(() => ({ values: {} }));
  context.ready();
  await context.stopped;
});
