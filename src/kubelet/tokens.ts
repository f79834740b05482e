/** Service account tokens bound to pods (KEP-1205, upstream's pkg/kubelet/token): requested once, renewed in time. */
import type { TokenRequest } from "../api/types/authentication-v1.gen.ts";
import type { Pod, ServiceAccountTokenProjection } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import { serviceaccounts } from "../client/resources.gen.ts";

interface Held {
  token: string;
  expirationTimestamp: string;
  issued: number;
  expires: number;
  seconds: number;
}

export type TokenWish = Pick<ServiceAccountTokenProjection, "audience" | "expirationSeconds">;

const day = 24 * 3600_000;

export class Tokens {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }
  #stale(held: Held): boolean {
    const now = this.#clock.now();
    return now > held.expires - held.seconds * 200 || now > held.issued + day;
  }
  /** Rejects as the client does when there is no token yet, or none that is still valid. */
  async get(pod: Pod, projection: TokenWish): Promise<string> {
    return (await this.getWithExpiry(pod, projection)).token;
  }
  async getWithExpiry(pod: Pod, projection: TokenWish): Promise<{ token: string; expirationTimestamp: string }> {
    const audience = projection.audience ?? "";
    const key = `${pod.metadata.uid}\0${audience}\0${projection.expirationSeconds ?? ""}`;
    const held = this.#held.get(key);
    if (held && !this.#stale(held)) return held;
    try {
      const fresh = await this.#request(pod, projection, audience);
      this.#held.set(key, fresh);
      return fresh;
    } catch (error) {
      if (held && this.#clock.now() < held.expires) return held;
      throw new Error(`failed to fetch token: ${(error as Error).message}`, { cause: error });
    }
  }
  async #request(pod: Pod, projection: TokenWish, audience: string): Promise<Held> {
    const { name, namespace = "", uid } = pod.metadata;
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds: projection.expirationSeconds ?? 3600,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
      },
    };
    const account = pod.spec.serviceAccountName || "default";
    const answer = await this.#client.resource(serviceaccounts).subresource<TokenRequest>("POST", namespace, account, "token", body);
    if (!answer.status?.token) throw new Error("the server gave no token");
    const expires = Date.parse(answer.status.expirationTimestamp);
    const issued = this.#clock.now();
    return {
      token: answer.status.token,
      expirationTimestamp: answer.status.expirationTimestamp,
      issued,
      expires,
      seconds: answer.spec.expirationSeconds ?? Math.round((expires - issued) / 1000),
    };
  }
  forget(uid: string): void {
    for (const key of this.#held.keys()) if (key.startsWith(`${uid}\0`)) this.#held.delete(key);
  }
}
