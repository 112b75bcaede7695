// SPDX-License-Identifier: Apache-2.0
// Configuration has an entry of its own, '@strongroom/service/config': its schema library is large, services get theirs ready.
export * from './client.ts';
export * from './anchor.ts';
export * from './anchored-clock.ts';
export * from './clock.ts';
export * from './context.ts';
export * from './event-source.ts';
export * from './exclusive.ts';
export * from './exit.ts';
export * from './incidents.ts';
export { JOIN_LINE_BYTES_MAX, type Hello } from './join.ts';
export * from './log-origin.ts';
export * from './metrics.ts';
export * from './native-hasher.ts';
export * from './notify.ts';
export * from './own-stream.ts';
export * from './rack.ts';
export * from './rpc-server.ts';
export * from './runtime.ts';
export * from './submit.ts';
export * from './submitting.ts';
