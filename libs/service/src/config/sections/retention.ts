// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { facts, section, whole } from '../section.ts';

const DAYS_MAX = 36_525;

export const retention = section('How long what is kept, and what is known of copies elsewhere.', {
  classes: Type.Record(Type.String(), Type.Object({
    keepDays: Type.Optional(Type.Integer({ minimum: 1, maximum: DAYS_MAX, description: 'Days from sealing until it may be destroyed.', unit: 'days', examples: [90] })),
    basis: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Why so long: law, contract, policy.', examples: ['policy 7.2, audit trail'] })),
    preset: Type.Optional(Type.String({ minLength: 1, description: 'A duration with its source: see "strongroom retention presets".', examples: ['fedramp-au-11'] })),
  }, { additionalProperties: false }), {
    default: {}, ...facts({
      description: 'Retention classes by name, at most 16: each with keepDays, basis, preset. "default", for what no rule takes, keeps 400 days if it is not given.',
      example: { default: { preset: 'soc2-type2' }, debug: { keepDays: 30, basis: 'troubleshooting only' } },
    }),
  }),
  rules: Type.Array(Type.Object({
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Name of the source, or service/NAME; * stands for any characters.', examples: ['web-*'] })),
    protocol: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'By which protocol it came; * stands for any characters.', examples: ['syslog-udp'] })),
    class: Type.String({ minLength: 1, description: 'The retention class of what this rule takes.', examples: ['debug'] }),
  }, { additionalProperties: false }), {
    default: [], maxItems: 1000, ...facts({
      description: 'Which class a record is in, by the facts of its receipt: the first rule whose source and protocol both hold decides.',
      example: [{ source: 'web-*', protocol: 'syslog-udp', class: 'default' }],
    }),
  }),
  copies: Type.Array(Type.String({ pattern: '^[!-+\\--~]{1,128}$' }), {
    default: [], maxItems: 32, ...facts({
      description: 'Copies of evidence that Strongroom does not reach, by names without spaces or commas; a destruction names them.',
      example: ['s3://archive/strongroom', 'siem.example.com'],
    }),
  }),
  checkMinutes: whole(60, 1, 1440, { description: 'How often it is looked for buckets whose time is over.', unit: 'minutes', example: 60 }),
  orderHours: whole(72, 1, 720, { description: 'How long an order may be approved and carried out.', unit: 'hours', example: 72 }),
});
