// SPDX-License-Identifier: Apache-2.0
// What session.ts and receiver.ts need of net-snmp, which brings no types.
declare module 'net-snmp' {
  import type { RemoteInfo, Socket } from 'node:dgram';

  export interface Varbind { readonly oid: string; readonly type: number; readonly value: unknown }
  export interface User {
    readonly name: string; readonly level: number; readonly authProtocol: string; readonly authKey: string; readonly privProtocol: string; readonly privKey: string;
  }
  type Answered<T> = (error: Error | null, varbinds: T) => void;
  export interface Session {
    /** Not documented; session.ts stands in front of it. */
    readonly dgram: Socket;
    readonly engineTimeBoots: number | null;
    readonly msgSecurityParameters?: { readonly msgAuthoritativeEngineID: Buffer };
    onMsg(datagram: Buffer): void;
    getEngineTime(): { readonly engineBoots: number; readonly engineTime: number } | null;
    get(oids: readonly string[], answered: Answered<Varbind[]>): void;
    getBulk(oids: readonly string[], nonRepeaters: number, maxRepetitions: number, answered: Answered<Varbind[][]>): void;
    cancelRequests(error: Error): void;
    on(event: 'error', listener: (error: Error) => void): void;
    close(): void;
  }
  export interface Notification {
    readonly pdu: { readonly type: number; readonly varbinds: readonly Varbind[]; readonly user?: string; readonly community?: string; readonly contextEngineID?: string };
    readonly rinfo: RemoteInfo;
  }
  export interface AnswerSocket { send(octets: Buffer, from: number, length: number, port: number, address: string): void }
  export interface Receiver {
    getAuthorizer(): { users: readonly User[] };
    /** Not documented; receiver.ts stands in front of it. */
    readonly engine: { readonly engineID: Buffer; engineBoots: number; engineTime: number };
    onMsg(socket: AnswerSocket, datagram: Buffer, from: RemoteInfo): void;
  }
  interface NetSnmp {
    readonly Version2c: number;
    readonly SecurityLevel: { readonly authPriv: number };
    /** Not documented: it keeps a key for each engine that it was ever told of. */
    readonly Authentication: { authToKeyCache: Record<string, Buffer> };
    readonly AuthProtocols: Readonly<Record<string, string>>;
    readonly PrivProtocols: Readonly<Record<string, string>>;
    readonly ObjectType: Readonly<Record<string, number>>;
    readonly PduType: Readonly<Record<string, number>>;
    createV3Session(host: string, user: User, options: object): Session;
    createSession(host: string, community: string, options: object): Session;
    createReceiver(options: object, received: (error: Error | null, notification: Notification) => void): Receiver;
    isVarbindError(varbind: Varbind): boolean;
  }
  const snmp: NetSnmp;
  export default snmp;
}
