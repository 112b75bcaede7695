// SPDX-License-Identifier: Apache-2.0
// Faults as a programmer would make them, put between the vault and its disk. A simulation that does not find each of them
// proves nothing when it finds none.
import { MESSAGE } from '@strongroom/evidence';
import type { Disk, DiskFile } from '../disk.ts';
import type { Tampering } from './vault-process.ts';

export interface Sabotage {
  readonly what: string;
  /** Seeds that found it before, tried first: a change of the vault makes another life of a seed. */
  readonly foundBy: readonly number[];
  /** The scene that finds it, where chance would take long to. */
  readonly scene?: string;
  readonly tamper: Tampering;
}

const SEGMENT = /\/segments\/[^/]*\.seg(\.new)?$/;
const COMMIT = /\/commit\/[^/]*\.commit(\.new)?$/;
const RECOVERED = /\/segments\/[0-9a-f]{16}\.[0-9]+\.seg\.new$/;

export const SABOTAGES: readonly Sabotage[] = [
  { what: 'the segment is not synced', foundBy: [0], tamper: { disk: withoutSync((path) => SEGMENT.test(path)) } },
  { what: 'the commit log is not synced before the acknowledgement', foundBy: [0], tamper: { disk: withoutSync((path) => COMMIT.test(path)) } },
  { what: 'what recovery rewrites is not synced', foundBy: [0], tamper: { disk: withoutSync((path) => RECOVERED.test(path)) } },
  { what: 'tiles and checkpoint are not synced', foundBy: [0], tamper: { disk: withoutSync((path) => /\/log\/.*\.new$/.test(path)) } },
  { what: 'the wrapped data key is not synced', foundBy: [0], tamper: { disk: withoutSync((path) => path.endsWith('.key.new')) } },
  { what: 'the directory of segments is not synced', foundBy: [0], tamper: { disk: withoutSync((path) => path.endsWith('/segments')) } },
  { what: 'the directory of the commit log is not synced', foundBy: [4], tamper: { disk: withoutSync((path) => path.endsWith('/commit')) } },
  { what: 'the directories of tiles are not synced', foundBy: [0], tamper: { disk: withoutSync((path) => /\/log\/tile(\/[^.]*(\.p)?)?$/.test(path)) } },
  { what: 'a failed sync is ignored', foundBy: [133], tamper: { disk: files((file) => ({ datasync: () => file.datasync().catch(() => undefined), sync: () => file.sync().catch(() => undefined) })) } },
  { what: 'a short write is taken for a whole one', foundBy: [1], tamper: { disk: files((file) => ({ writev: async (parts) => ({ bytesWritten: (await file.writev(parts), parts.reduce((sum, part) => sum + part.length, 0)) }) })) } },
  { what: 'what is committed is acknowledged before it is written', foundBy: [4], tamper: { disk: files((file, path) => (COMMIT.test(path) ? behind(file) : {})) } },
  { what: 'the checkpoint is put in place before its tiles', foundBy: [0], tamper: { disk: checkpointFirst } },
  { what: 'a new commit file is seen before it is whole', foundBy: [4], tamper: { disk: (disk) => ({ ...bound(disk), open: (path, flags, mode) => disk.open(path.endsWith('.commit.new') ? path.slice(0, -4) : path, flags, mode), existsSync: (path) => !path.endsWith('.commit') && disk.existsSync(path), rename: (from, to) => (from.endsWith('.commit.new') ? Promise.resolve() : disk.rename(from, to)) }) } },
  { what: 'what was denied is not said again after a crash', foundBy: [], scene: 'a submission that is denied, and a line that is lost before that is heard', tamper: { says: (type, isWelcome) => type !== MESSAGE.denied || isWelcome } },
  { what: 'the text of a hold is not synced', foundBy: [], scene: 'a hold that is placed', tamper: { disk: withoutSync((path) => path.endsWith('.hold.new')) } },
  { what: 'the wrap of a hold is not synced', foundBy: [], scene: 'a destruction that a hold leaves something of', tamper: { disk: withoutSync((path) => /\.hold-[0-9a-f]{32}\.key\.new$/.test(path)) } },
  { what: 'an order that was drawn up is not synced', foundBy: [17], tamper: { disk: withoutSync((path) => /\/state\/vault\/orders\/.*\.new$/.test(path)) } },
  { what: 'the order is not synced before its entry', foundBy: [], scene: 'an order that is carried out', tamper: { disk: withoutSync((path) => /\/store\/orders\/.*\.new$/.test(path)) } },
  { what: 'removed segments are not synced before the entry that ends a destruction', foundBy: [], scene: 'an order that is carried out', tamper: { disk: withoutSyncOfRemovals } },
  { what: 'the key of a bucket stays in the token', foundBy: [5], tamper: { keys: () => ({ destroyByOrder: async () => [] }) } },
  { what: 'a line of the checksum database is not synced', foundBy: [], scene: 'a line of the checksum database', tamper: { checksums: () => ({ fsyncSync: () => undefined }) } },
  { what: 'a destruction does not look for what holds keep', foundBy: [23], tamper: { reading: (reading) => ({ ask: async (verb, args) => (verb === 'matches' ? { segments: [], size: 0 } : reading.ask(verb, args)) }) } },
];

/** Every method of the disk, free of its object. */
function bound(disk: Disk): Disk {
  return {
    open: (path, flags, mode) => disk.open(path, flags, mode), rename: (from, to) => disk.rename(from, to), rm: (path, options) => disk.rm(path, options),
    mkdir: (path, options) => disk.mkdir(path, options), existsSync: (path) => disk.existsSync(path), readFileSync: (path) => disk.readFileSync(path),
    readdirSync: (path) => disk.readdirSync(path), openSync: (path, flags) => disk.openSync(path, flags),
    readSync: (fd, into, offset, length, position) => disk.readSync(fd, into, offset, length, position), closeSync: (fd) => disk.closeSync(fd), statfsSync: (path) => disk.statfsSync(path),
  };
}

function files(change: (file: DiskFile, path: string) => Partial<DiskFile>): (disk: Disk) => Disk {
  return (disk) => ({
    ...bound(disk),
    open: async (path, flags, mode) => {
      const file = await disk.open(path, flags, mode);
      const whole: DiskFile = {
        chmod: (bits) => file.chmod(bits), chown: (uid, gid) => file.chown(uid, gid), writeFile: (content) => file.writeFile(content), sync: () => file.sync(),
        close: () => file.close(), writev: (parts) => file.writev(parts), write: (bytes, offset, length) => file.write(bytes, offset, length), datasync: () => file.datasync(),
      };
      return { ...whole, ...change(file, path) };
    },
  });
}

function withoutSync(isIt: (path: string) => boolean): (disk: Disk) => Disk {
  return files((_file, path) => (isIt(path) ? { sync: async () => undefined, datasync: async () => undefined } : {}));
}

/** What was removed from the directory of segments comes back. */
function withoutSyncOfRemovals(disk: Disk): Disk {
  let isRemoved = false;
  const unsynced = withoutSync((path) => path.endsWith('/segments'))(disk);
  return {
    ...bound(disk),
    rm: async (path, options) => {
      isRemoved ||= SEGMENT.test(path) && !path.endsWith('.new');
      await disk.rm(path, options);
    },
    open: (path, flags, mode) => (isRemoved && path.endsWith('/segments') ? unsynced : disk).open(path, flags, mode),
  };
}

/** Says that it has written and synced, and does so afterwards. */
function behind(file: DiskFile): Partial<DiskFile> {
  let work: Promise<unknown> = Promise.resolve();
  const later = (task: () => Promise<unknown>): void => { work = work.then(task).catch(() => undefined); };
  return {
    writev: async (parts) => {
      later(() => file.writev(parts));
      return { bytesWritten: parts.reduce((sum, part) => sum + part.length, 0) };
    },
    datasync: async () => later(() => file.datasync()),
    close: async () => later(() => file.close()),
  };
}

/** The renames of tiles wait for that of the checkpoint. */
function checkpointFirst(disk: Disk): Disk {
  const waiting: [string, string][] = [];
  return {
    ...bound(disk),
    rename: async (from, to) => {
      if (to.includes('/log/tile/')) return void waiting.push([from, to]);
      await disk.rename(from, to);
      if (to.endsWith('/log/checkpoint')) for (const [before, after] of waiting.splice(0)) await disk.rename(before, after);
    },
  };
}
