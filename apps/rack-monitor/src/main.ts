// SPDX-License-Identifier: Apache-2.0
// rack-monitor: what feeds this appliance and how warm it stands, as evidence.
import { runService } from '@strongroom/service';
import { rackMonitor } from './rack-monitor.ts';

runService('rack-monitor', rackMonitor);
