// SPDX-License-Identifier: Apache-2.0
// Who holds a port: /proc/net/{tcp,udp}{,6} name the socket's inode, /proc/<pid>/fd the process that has it open.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortHolder {
  readonly pid: number;
  /** From /proc/<pid>/comm. */
  readonly name: string;
}

const LISTENING = '0A';
const UNCONNECTED_UDP = '07';

/** The processes that listen on a port; empty when they cannot be seen, which needs the same user or root. */
export function portHolders(port: number, transport: 'tcp' | 'udp' = 'tcp'): PortHolder[] {
  const inodes = new Set([transport, `${transport}6`].flatMap((table) => listeningInodes(readOr(`/proc/net/${table}`), port)));
  if (inodes.size === 0) return [];
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    const found = socketInodes(pid).some((inode) => inodes.has(inode));
    return found ? [{ pid: Number(pid), name: readOr(`/proc/${pid}/comm`).trim() }] : [];
  });
}

/** Inodes of the sockets that listen on a port, from the text of a table such as /proc/net/tcp. */
export function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').slice(1).flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const listens = fields[3] === LISTENING || fields[3] === UNCONNECTED_UDP;
    return listens && fields[1]?.endsWith(wanted) === true && fields[9] !== undefined ? [fields[9]] : [];
  });
}

function socketInodes(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOr(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return [];
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
