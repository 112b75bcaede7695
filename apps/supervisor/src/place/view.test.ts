// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Place } from './place.ts';
import { asOurs, asSeen, seenByServices, unreachable, viewDirectory } from './view.ts';

const PLACE: Place = { code: '/root/clone', home: '/root/clone/var', codeCache: '', view: '/run/strongroom-0a', nominal: null };

test('a directory that others may not search is found, wherever it is on the way', () => {
  const top = mkdtempSync(join(tmpdir(), 'strongroom-view-'));
  try {
    mkdirSync(join(top, 'open/code'), { recursive: true });
    writeFileSync(join(top, 'open/code/file'), '');
    assert.equal(unreachable([join(top, 'open/code')]), top, 'a temporary directory is private');
    chmodSync(top, 0o711);
    assert.equal(unreachable([join(top, 'open/code/file'), join(top, 'open')]), null);
    chmodSync(join(top, 'open'), 0o750);
    assert.equal(unreachable([join(top, 'open/code/file')]), join(top, 'open'));
  } finally {
    rmSync(top, { recursive: true });
  }
});

test('paths are translated both ways', () => {
  assert.equal(asSeen(PLACE, '/root/clone/apps/vault'), '/run/strongroom-0a/code/apps/vault');
  assert.equal(asSeen(PLACE, '/root/clone/var/run'), '/run/strongroom-0a/home/run');
  assert.equal(asSeen(PLACE, '/usr/bin/node'), '/usr/bin/node');
  assert.equal(asOurs(PLACE, '/run/strongroom-0a/home/store/x'), '/root/clone/var/store/x');
  assert.equal(asOurs(PLACE, '/etc/passwd'), '/etc/passwd');
});

test('without a view services see what we see', () => {
  assert.equal(seenByServices({ ...PLACE, view: null }).home, PLACE.home);
  assert.equal(asSeen({ ...PLACE, view: null }, '/root/clone/apps'), '/root/clone/apps');
});

test('the mount point is the same at every start', () => {
  assert.equal(viewDirectory('/a/b/'), viewDirectory('/a/b'));
  assert.notEqual(viewDirectory('/a/b'), viewDirectory('/a/c'));
});
