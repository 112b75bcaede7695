// SPDX-License-Identifier: Apache-2.0
// capture: what this host says of itself, sealed once each. It resumes where the vault last committed.
import { runService } from '@strongroom/service';
import { capture } from './capture.ts';

runService('capture', capture);
