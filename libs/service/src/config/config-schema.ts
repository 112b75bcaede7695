// SPDX-License-Identifier: Apache-2.0
// The configuration, one section per app. The type, the check, the JSON Schema and `config explain` all come from here.
// A key without a default may be left unset.
import { Type, type Static } from 'typebox';
import { section, text } from './section.ts';
import { capture } from './sections/capture.ts';
import { clock } from './sections/clock.ts';
import { gateway } from './sections/gateway.ts';
import { keys } from './sections/keys.ts';
import { rack } from './sections/rack.ts';
import { retention } from './sections/retention.ts';
import { supervisor } from './sections/supervisor.ts';
import { vault } from './sections/vault.ts';
import { witness } from './sections/witness.ts';

export const CONFIG = section('Configuration of Strongroom: one YAML file, named by $STRONGROOM_CONFIG.', {
  deployment: Type.Optional(text({
    pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$', example: 'strongroom-berlin',
    description: 'Name of the deployment, part of every identity; unset, one is made at first start. It never changes afterwards.',
  })),
  gateway, vault, retention, keys, capture, clock, rack, witness, supervisor,
});

type Deep<T> = T extends readonly (infer E)[] ? readonly Deep<E>[] : T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T;

/** The effective configuration: every default filled in, frozen. */
export type Config = Deep<Static<typeof CONFIG>>;
