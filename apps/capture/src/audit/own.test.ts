// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Joiner } from './joiner.ts';
import { Own } from './own.ts';
import { recordOf } from './record.ts';

const own = new Own({ supervisor: 77, homes: ['/srv/strongroom'] });

interface Act {
  readonly ppid?: number;
  readonly pid?: number;
  readonly success?: string;
  readonly paths?: readonly string[];
  readonly cwd?: string;
  readonly more?: readonly [number, string][];
  /** Architecture and number. */
  readonly call?: readonly [string, number];
}

function isOwn({ ppid = 77, pid = 80, success = 'yes', paths = ['/srv/strongroom/store/log', '/srv/strongroom/store/log/checkpoint'], cwd = '/', more = [], call = ['c000003e', 82] }: Act): boolean {
  const joiner = new Joiner();
  const records: [number, string][] = [
    [1300, `arch=${call[0]} syscall=${call[1]} success=${success} exit=0 ppid=${ppid} pid=${pid} auid=1000 comm="node ppid=77 " key="deletion"`], ...more,
    [1307, `cwd="${cwd}"`], ...paths.map((path): [number, string] => [1302, `item=0 name=${/^[\x21-\x7e]+$/.test(path) ? `"${path}"` : Buffer.from(path).toString('hex').toUpperCase()} inode=1`]), [1327, 'proctitle="node"'], [1320, ''],
  ];
  const [event] = records.flatMap(([type, text]) => joiner.add(recordOf(type, Buffer.from(`audit(1.0:1): ${text}`))!, 0));
  return own.has(event!);
}

describe('our own work', () => {
  it("is file work of the supervisor's children in our home", () => {
    assert.equal(isOwn({}), true);
    assert.equal(isOwn({ ppid: 1, pid: 77 }), true);
  });

  it('is not what another process does, whatever it calls itself', () => {
    assert.equal(isOwn({ ppid: 7 }), false);
    assert.equal(isOwn({ ppid: 777 }), false);
    assert.equal(isOwn({ ppid: 1, pid: 80 }), false);
  });

  it('is not what may be elsewhere: relative to a directory that nobody names, or through a link', () => {
    assert.equal(isOwn({ paths: ['store/log'], cwd: '/srv/strongroom' }), false);
    for (const call of [['c000003e', 88], ['c000003e', 266], ['c00000b7', 36]] as const) assert.equal(isOwn({ call }), false);
    assert.equal(isOwn({ call: ['c000003e', 36] }), true);
  });

  it('is not what touches anything else, fails, or is more than file work', () => {
    assert.equal(isOwn({ paths: ['/srv/strongroom/store/log', '/etc/passwd'] }), false);
    assert.equal(isOwn({ paths: ['/srv/strongroom-other/x'] }), false);
    assert.equal(isOwn({ paths: ['/srv/strongroom/../../etc/shadow'] }), false);
    assert.equal(isOwn({ paths: ['/srv/strongroom/a\nb'] }), false);
    assert.equal(isOwn({ paths: [] }), false);
    assert.equal(isOwn({ success: 'no' }), false);
    assert.equal(isOwn({ more: [[1309, 'argc=1 a0="sh"']] }), false);
    assert.equal(isOwn({ more: [[1306, 'saddr=0100']] }), false);
  });
});
