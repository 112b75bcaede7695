// SPDX-License-Identifier: Apache-2.0
// What every service that submits begins with: its line to the vault, its voice, and its incidents.
import type { Failed } from '@strongroom/bytes';
import type { Fields, Level } from '../facts/events.ts';
import { Incidents } from '../facts/incidents.ts';
import type { Submitter } from '../files/layout.ts';
import { serviceId } from '../identity/spiffe.ts';
import type { ServiceContext } from '../life/context.ts';
import { EventSource } from './event-source.ts';
import { SubmitClient } from './submit.ts';

/** Runs `live` with a line to the vault, which is closed behind it. Rejects with `Failed('submit.vault-forgot')`, and as `live` does. */
export async function withLine(context: ServiceContext, service: Submitter, live: (client: SubmitClient) => Promise<void>): Promise<void> {
  const fatal = Promise.withResolvers<never>();
  const client = new SubmitClient({
    path: context.paths.submitSocket(service), identity: () => context.identity, vault: serviceId(context.deployment, 'vault'), instance: context.instance,
    onFatal: (error: Failed) => fatal.reject(error),
    onLine: (up, why) => (up ? context.state('running') : context.state('stalled', `no line to the vault: ${why}`)),
  });
  try {
    await Promise.race([live(client), fatal.promise]);
  } finally {
    client.close();
  }
}

export interface Voice<Event extends string> {
  readonly evidence: EventSource;
  /** Logs an event and has it sealed. */
  readonly say: (event: Event, fields?: Fields) => void;
  readonly incidents: Incidents;
}

/** `events`: each that the service knows, with its level. */
export function voiceOf<Event extends string>(context: ServiceContext, client: SubmitClient, service: Submitter, events: Readonly<Record<Event, Level>>): Voice<Event> {
  const { id, keyHash } = context.identity;
  const evidence = new EventSource(client, { service, id, keyHash, clock: context.clock });
  const tell = (event: string, level: Level, fields?: Fields): void => {
    context.event(event, level, fields);
    evidence.seal(event, level, fields);
  };
  return { evidence, say: (event, fields) => tell(event, events[event], fields), incidents: new Incidents(tell) };
}
