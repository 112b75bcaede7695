// SPDX-License-Identifier: Apache-2.0
// What a service says is input: one that somebody has taken over shall neither end us nor speak in our name. Here is looked
// for the shape that is made use of; what is said in it stays the service's word.
import type { FromService, Level, ServiceEvent } from '@strongroom/service';

const LEVELS: readonly Level[] = ['info', 'warn', 'error'];

/** Whether a message may be made use of. */
export function isBelieved(message: unknown): message is FromService {
  if (!isObject(message)) return false;
  if (message['kind'] === 'event') return isEvent(message);
  if (message['kind'] === 'stats') return isObject(message['values']) && isObjects(message['sources']) && isList(message['incidents']);
  if (message['kind'] === 'ready') return Array.isArray(message['listeners']) && message['listeners'].every((one) => isObject(one) && isText(one['protocol']) && isText(one['address']));
  if (message['kind'] === 'state') return isText(message['state']) && (message['reason'] === null || isText(message['reason']));
  if (message['kind'] === 'usage') return isObject(message['sources']) && isObjects(message['sources']);
  if (message['kind'] === 'protect') return isText(message['path']) && isText(message['flag']);
  if (message['kind'] === 'order-done') return message['error'] === undefined || isObject(message['error']);
  return isText(message['kind']);
}

/** Whether it can be logged and sealed, whoever it says that it is from. */
export function isEvent(value: unknown): value is ServiceEvent {
  return isObject(value) && isText(value['event']) && isText(value['time']) && LEVELS.some((level) => level === value['level']) && isObject(value['fields']);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isObjects(value: unknown): boolean {
  return value === undefined || (isObject(value) && Object.values(value).every(isObject));
}

function isList(value: unknown): boolean {
  return value === undefined || Array.isArray(value);
}
