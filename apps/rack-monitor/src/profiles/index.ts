// SPDX-License-Identifier: Apache-2.0
// All profiles. Families come before standards: a vendor's own objects say more.
import { APC_RPDU2 } from './apc-rpdu2.table.ts';
import { EATON_EPDU } from './eaton-epdu.table.ts';
import { ENTITY_SENSOR } from './entity-sensor.table.ts';
import { GEIST_V5 } from './geist-v5.table.ts';
import type { Profile } from './profile.ts';
import { RARITAN_PX } from './raritan-px.table.ts';
import { SENTRY_4 } from './sentry4.table.ts';
import { UPS_MIB } from './ups-mib.table.ts';

export const PROFILES: readonly Profile[] = [APC_RPDU2, RARITAN_PX, SENTRY_4, EATON_EPDU, GEIST_V5, UPS_MIB, ENTITY_SENSOR];
