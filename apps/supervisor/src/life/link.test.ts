// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, beforeEach, test } from 'node:test';
import { linkDown } from './link.ts';

const root = mkdtempSync(join(tmpdir(), 'strongroom-link-'));
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => rmSync(root, { recursive: true, force: true }));

function put(link: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, 'class/net', link, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${content}\n`);
  }
}

test('links of the machine\'s own hardware are down together, or it is not without a network', () => {
  assert.equal(linkDown(root), null);
  put('lo', { operstate: 'unknown', ifindex: '1', iflink: '1' });
  put('docker0', { operstate: 'down', ifindex: '2', iflink: '2' });
  assert.equal(linkDown(root), null, 'none of these leads out');
  for (const name of ['eth0', 'eth1']) put(name, { 'device/uevent': '', ifindex: '3', iflink: '3' });
  put('eth0', { operstate: 'down' });
  put('eth1', { operstate: 'up' });
  assert.equal(linkDown(root), false);
  put('eth1', { operstate: 'lowerlayerdown' });
  put('veth9', { operstate: 'up', ifindex: '9', iflink: '8' });
  assert.equal(linkDown(root), true, 'a container of ours is no way out');
});

function ip(...args: string[]): void {
  execFileSync('ip', args);
}

const ROOT_ONLY = process.getuid?.() === 0 ? false : 'machine: networks need root';

test('a real link that goes down and comes back is seen, whichever end went', { skip: ROOT_ONLY }, async () => {
  const name = `srl${process.pid}`;
  ip('netns', 'add', name);
  try {
    ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    const inside = (...args: string[]): void => ip('-n', name, 'link', 'set', ...args);
    const asked = spawn('ip', ['netns', 'exec', name, process.execPath, join(import.meta.dirname, 'link.fixture.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const said = createInterface(asked.stdout)[Symbol.asyncIterator]();
    const isDown = async (): Promise<unknown> => {
      asked.stdin.write('\n');
      return (await said.next()).value;
    };
    // Both ends are told of a change by the kernel's work queue: soon, and not at once.
    const becomes = async (wanted: string): Promise<void> => { while (await isDown() !== wanted); };
    assert.equal(await isDown(), 'true', 'it was never up');
    ip('link', 'set', `${name}a`, 'up');
    inside('eth0', 'up');
    await becomes('false');
    inside('eth0', 'down');
    await becomes('true');
    inside('eth0', 'up');
    await becomes('false');
    ip('link', 'set', `${name}a`, 'down');
    await becomes('true');
    ip('link', 'set', `${name}a`, 'up');
    await becomes('false');
    asked.stdin.end();
    await new Promise((ended) => asked.once('close', ended));
  } finally {
    ip('netns', 'delete', name);
  }
});
