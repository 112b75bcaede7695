// SPDX-License-Identifier: Apache-2.0
export * from './appliance.ts';
export * from './certificate-authority.ts';
export * from './custodian.ts';
export * from './gateway-process.ts';
export * from './recording-vault.ts';
export * from './journald.ts';
export * from './software-keys.ts';
export * from './built-stream.ts';
export * from './store-builder.ts';
export * from './store-files.ts';
export * from './rsyslog.ts';
export * from './syslog-ng.ts';
export * from './relp-client.ts';
export * from './timestamps/authority.ts';
export * from './timestamps/certificates.ts';
export * from './timestamps/token.ts';
export * from './witness-process.ts';
