/** A KMS v2 plugin behind its unix socket (k8s.io/kms, KEP-3299). */
import type { Clock } from "../../base/clock.ts";
import { type CallOptions, connectGrpc, type GrpcClient } from "../../base/grpc/client.ts";
import { protocolOf } from "../../base/grpc/protocol.ts";
import facts from "./kms-facts.json" with { type: "json" };
import type { DecryptRequest, EncryptResponse, KeyManagementServiceMethods, StatusResponse } from "./kms-types.gen.ts";
import type { EncryptionSeries } from "./metrics.ts";

export const kms = protocolOf<KeyManagementServiceMethods>(facts);

export interface KmsServiceOptions {
  /** `unix:///run/kms.sock` */
  endpoint: string;
  name: string;
  /** Milliseconds for one call, connecting included. */
  timeout: number;
  clock: Clock;
  series: EncryptionSeries;
}

/** Calls reject with a GrpcError. */
export class KmsService {
  readonly #options: KmsServiceOptions;
  readonly #client: GrpcClient<KeyManagementServiceMethods>;
  readonly #waiting: CallOptions;

  constructor(options: KmsServiceOptions) {
    this.#options = options;
    this.#waiting = { timeout: options.timeout, waitForReady: true };
    this.#client = connectGrpc(options.endpoint, kms, options.clock);
  }
  status(): Promise<StatusResponse> {
    return this.#timed("Status", () => this.#client.call("Status", {}, this.#waiting));
  }
  encrypt(uid: string, plaintext: Uint8Array): Promise<EncryptResponse> {
    return this.#timed("Encrypt", () => this.#client.call("Encrypt", { uid, plaintext }, this.#waiting));
  }
  async decrypt(request: DecryptRequest): Promise<Uint8Array> {
    return (await this.#timed("Decrypt", () => this.#client.call("Decrypt", request, this.#waiting))).plaintext;
  }
  /** Calls under way are cancelled. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
  async #timed<T>(method: "Status" | "Encrypt" | "Decrypt", call: () => Promise<T>): Promise<T> {
    const { clock, name, series } = this.#options;
    const began = clock.monotonic();
    const done = (error?: Error): void => series.called(name, kms.method(method).path, (clock.monotonic() - began) / 1000, error);
    try {
      const answer = await call();
      done();
      return answer;
    } catch (error) {
      done(error as Error);
      throw error;
    }
  }
}
