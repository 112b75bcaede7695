// SPDX-License-Identifier: Apache-2.0
// What keys of the configuration are made of: each has a description and an example, and a default unless it may be left unset.
import { Type, type TSchema } from 'typebox';

export interface KeyFacts {
  readonly description: string;
  /** Such as `bytes` or `ms`; left out where a value has none. */
  readonly unit?: string;
  readonly example: unknown;
}

export const facts = ({ description, unit, example }: KeyFacts) => ({ description, ...(unit === undefined ? {} : { unit }), examples: [example] });
export const text = (key: KeyFacts & { default?: string; pattern?: string }) =>
  Type.String({
    minLength: 1, ...facts(key),
    ...(key.default === undefined ? {} : { default: key.default }), ...(key.pattern === undefined ? {} : { pattern: key.pattern }),
  });
export const whole = (value: number, minimum: number, maximum: number, key: KeyFacts) =>
  Type.Integer({ default: value, minimum, maximum, ...facts(key) });
export const flag = (value: boolean, key: KeyFacts) => Type.Boolean({ default: value, ...facts(key) });
export const list = (key: KeyFacts) => Type.Array(Type.String({ minLength: 1 }), { default: [], ...facts(key) });
export const section = <T extends Record<string, TSchema>>(description: string, keys: T) =>
  Type.Object(keys, { additionalProperties: false, description });

export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

export const listener = (name: string, enabled: boolean, port: number) => section(`The ${name} listener.`, {
  enabled: flag(enabled, { description: `Whether ${name} is served.`, example: enabled }),
  address: text({ default: '::', description: 'Address to listen on; :: means every address, IPv4 and IPv6.', example: '192.0.2.10' }),
  port: whole(port, 0, 65535, { description: 'Port to listen on; 0 takes any free one.', example: port }),
});
