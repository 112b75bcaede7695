// SPDX-License-Identifier: Apache-2.0
// A log line is a typed event: name, level, fields. Services name theirs in their own events.ts.

/** warn: nothing is lost. error: something is lost, or a person is needed. */
export type Level = 'info' | 'warn' | 'error';
export type FieldValue = string | number | boolean | null;
export type Fields = Readonly<Record<string, FieldValue>>;

export interface ServiceEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly service: string;
  readonly level: Level;
  /** Such as `gateway.peer-refused`. */
  readonly event: string;
  readonly fields: Fields;
}

const FIELD_CHARACTERS_MAX = 1024;

/** Stamps an event with the time. Long text fields, which may come from a peer, are cut. */
export function makeEvent(service: string, event: string, level: Level, fields: Fields = {}): ServiceEvent {
  const bounded: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(fields)) {
    bounded[name] = typeof value === 'string' && value.length > FIELD_CHARACTERS_MAX ? `${value.slice(0, FIELD_CHARACTERS_MAX)}…` : value;
  }
  return { time: new Date().toISOString(), service, level, event, fields: bounded };
}

/** The event as one line of JSON with its LF. */
export function eventLine(event: ServiceEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** The fields of an event that tells of an error: code, what happened, why, what to do. */
export function errorFields(error: unknown): Record<string, FieldValue> {
  if (!(error instanceof Error)) return { message: String(error) };
  const facts: Record<string, FieldValue> = { message: error.message };
  for (const name of ['code', 'why', 'fix'] as const) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === 'string') facts[name] = value;
  }
  if (error.cause instanceof Error) facts['cause'] = error.cause.message;
  if (error.name !== 'Refused' && error.name !== 'Failed' && error.stack !== undefined) facts['stack'] = error.stack;
  return facts;
}
