// SPDX-License-Identifier: Apache-2.0
// An open file of a simulated disk, with the names of node:fs/promises.
import type { FileNode, Node } from './disk-image.ts';

/** What the disk does for its files. */
interface FileCalls {
  /** Appends, or writes at `at`. Returns how much. */
  write(path: string, file: FileNode, at: number | null, bytes: Buffer): Promise<number>;
  sync(path: string, node: Node): Promise<void>;
  close(path: string): Promise<void>;
}

export class SimulatedFile {
  readonly #disk: FileCalls;
  readonly #path: string;
  readonly #node: Node;
  readonly #appends: boolean;
  #position = 0;

  constructor(disk: FileCalls, path: string, node: Node, appends: boolean) {
    [this.#disk, this.#path, this.#node, this.#appends] = [disk, path, node, appends];
  }

  async chmod(_mode: number): Promise<void> {}

  async chown(_uid: number, _gid: number): Promise<void> {}

  async writev(parts: readonly Buffer[]): Promise<{ readonly bytesWritten: number }> {
    return { bytesWritten: await this.#write(Buffer.concat(parts)) };
  }

  async write(bytes: Buffer, offset: number, length: number): Promise<{ readonly bytesWritten: number }> {
    return { bytesWritten: await this.#write(bytes.subarray(offset, offset + length)) };
  }

  /** All of it, in as many writes as it takes, as Node does it. */
  async writeFile(content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content as Uint8Array);
    for (let at = 0; at < bytes.length; ) at += await this.#write(bytes.subarray(at));
  }

  async #write(bytes: Buffer): Promise<number> {
    const count = await this.#disk.write(this.#path, this.#node as FileNode, this.#appends ? null : this.#position, bytes);
    this.#position += count;
    return count;
  }

  async datasync(): Promise<void> {
    await this.#disk.sync(this.#path, this.#node);
  }

  async sync(): Promise<void> {
    await this.#disk.sync(this.#path, this.#node);
  }

  async close(): Promise<void> {
    await this.#disk.close(this.#path);
  }
}
