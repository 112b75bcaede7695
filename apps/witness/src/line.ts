// SPDX-License-Identifier: Apache-2.0
// A line to another of our services: one connection, made again when it was lost.
import { Failed } from '@strongroom/bytes';
import { RpcClient, serviceId, type ServiceContext, type ServiceName } from '@strongroom/service';

export type LineContext = Pick<ServiceContext, 'paths' | 'deployment' | 'identity'>;

export class Line {
  readonly #context: LineContext;
  readonly #path: string;
  readonly #peer: ServiceName;
  #client: Promise<RpcClient> | undefined;

  constructor(context: LineContext, path: string, peer: ServiceName) {
    [this.#context, this.#path, this.#peer] = [context, path, peer];
  }

  /** Throws what the other side throws, and `Failed` with a code `rpc.…` when it cannot be reached. */
  async call(verb: string, args: unknown): Promise<unknown> {
    const { deployment, identity } = this.#context;
    this.#client ??= RpcClient.connect(this.#path, { identity, expected: serviceId(deployment, this.#peer) });
    const client = this.#client;
    try {
      return await (await client).call(verb, args);
    } catch (error) {
      // Whatever went wrong on the way, the next call takes a fresh connection; answers of the service are no such thing.
      const lost = error instanceof Failed && error.code.startsWith('rpc.');
      if (lost && this.#client === client) this.close();
      throw error;
    }
  }

  close(): void {
    void this.#client?.then((client) => client.close(), () => undefined);
    this.#client = undefined;
  }
}
