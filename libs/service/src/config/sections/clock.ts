// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { facts, flag, list, section, text, whole } from '../section.ts';

export const clock = section("How wrong this machine's clock may be.", {
  enabled: flag(true, { description: 'Whether the clock is watched; if not, no time in a receipt has an error bound.', example: true }),
  chrony: section('chrony, which disciplines the clock.', {
    enabled: flag(true, { description: 'Whether chronyd is asked.', example: true }),
    program: text({ default: 'chronyc', description: 'chronyc: its path, or its name where services find it.', example: '/usr/bin/chronyc' }),
    address: text({ default: '127.0.0.1', description: 'Where chronyd listens: an address, or the path of its socket, where it tells more.', example: '/run/chrony/chronyd.sock' }),
    port: whole(323, 1, 65535, { description: 'Port of chronyd for commands, at an address.', example: 323 }),
  }),
  ptp: section('PTP, where ptp4l itself disciplines this clock; then it counts, and chrony is a second opinion.', {
    enabled: flag(false, { description: 'Whether ptp4l is asked. Where a network card has the PTP clock, let chrony take it as a reference clock instead.', example: true }),
    program: text({ default: 'pmc', description: 'pmc: its path, or its name where services find it. It is only told to GET.', example: '/usr/sbin/pmc' }),
    socket: text({ default: '/var/run/ptp4l', description: 'Socket of ptp4l, which strongroom-skew-guard must be allowed to use.', example: '/var/run/ptp4l' }),
    domain: whole(0, 0, 255, { description: 'PTP domain.', example: 0 }),
    masterNanoseconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, ...facts({ description: 'How wrong the grandmaster may be; unset, what it says of itself counts.', unit: 'ns', example: 100 }) })),
  }),
  checks: list({
    description: 'NTP servers that are asked beside, as HOST or HOST:PORT: a second opinion, by other code, that can only widen the bound.', example: ['time.example.com'],
  }),
  checkSeconds: whole(64, 4, 86_400, { description: 'How often each of those is asked.', unit: 's', example: 64 }),
  warnMicroseconds: whole(1000, 1, 86_400_000_000, { description: 'Error bound above which a warning is sealed.', unit: 'µs', example: 1000 }),
  limitMicroseconds: whole(5000, 1, 86_400_000_000, { description: 'Error bound above which an error is sealed, and the clock counts as out of bounds.', unit: 'µs', example: 5000 }),
  producerMilliseconds: whole(1000, 1, 86_400_000, { description: "How far a producer's clock may be off, by what it claims and when that comes, before that is sealed.", unit: 'ms', example: 1000 }),
  producerSeconds: whole(60, 3, 3600, { description: "A producer's clock is judged by what came least late in each of three times so long.", unit: 's', example: 60 }),
  oscillatorPpb: whole(1000, 0, 1_000_000, { description: 'What an oscillator may do beside what is measured of it.', unit: 'parts per billion', example: 1000 }),
  holdoverPpb: whole(15_000, 0, 1_000_000, { description: 'What it may do while nobody measures it (RFC 5905 says 15,000).', unit: 'parts per billion', example: 2000 }),
  holdoverHours: whole(24, 0, 8760, { description: 'How long times keep a bound when whoever disciplines the clock is gone.', unit: 'hours', example: 24 }),
});
