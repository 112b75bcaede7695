// SPDX-License-Identifier: Apache-2.0
// For link.test.ts, in a network of its own: says on each line of its input whether the link is down.
import { createInterface } from 'node:readline';
import { linkDown } from './link.ts';

createInterface(process.stdin).on('line', () => console.log(String(linkDown('/sys'))));
