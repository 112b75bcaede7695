// SPDX-License-Identifier: Apache-2.0
import { section, text, whole } from '../section.ts';

export const supervisor = section('What starts the others.', {
  metrics: section('Metrics and health.', {
    address: text({ default: '127.0.0.1', description: 'Address of /metrics and /health.', example: '127.0.0.1' }),
    port: whole(9464, 0, 65535, { description: 'Port of /metrics and /health; 0 takes any free one.', example: 9464 }),
  }),
  heartbeatSeconds: whole(55, 1, 3600, { description: 'A sign of life is sealed so often, in seconds: a crash is known to have come at most so long after the last one.', example: 55 }),
  pstore: text({ default: '/sys/fs/pstore', description: 'Directory where the kernel keeps its last words after a panic; what systemd moved from there to /var/lib/systemd/pstore is looked at as well.', example: '/sys/fs/pstore' }),
});
