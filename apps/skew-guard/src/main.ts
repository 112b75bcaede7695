// SPDX-License-Identifier: Apache-2.0
// skew-guard: how wrong this machine's clock may be, at every moment, for every service; and evidence of all that befalls it.
import { runService } from '@strongroom/service';
import { skewGuard } from './skew-guard.ts';

runService('skew-guard', skewGuard);
