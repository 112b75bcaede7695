// SPDX-License-Identifier: Apache-2.0
// Configuration has an entry of its own, '@strongroom/service/config': its schema library is large, services get theirs ready.
export * from './client.ts';
export * from './calls/rpc-server.ts';
export * from './clock/anchor.ts';
export * from './clock/anchored-clock.ts';
export * from './clock/clock.ts';
export { onlySets } from './clock/setting-calls.ts';
export * from './config/rack.ts';
export * from './facts/incidents.ts';
export * from './facts/metrics.ts';
export * from './files/exclusive.ts';
export * from './files/log-origin.ts';
export * from './life/context.ts';
export * from './life/exit.ts';
export { JOIN_LINE_BYTES_MAX, type Hello } from './life/join.ts';
export * from './life/notify.ts';
export * from './life/runtime.ts';
export * from './native-hasher.ts';
export * from './submit/event-source.ts';
export * from './submit/own-stream.ts';
export * from './submit/submit.ts';
export * from './submit/submitting.ts';
