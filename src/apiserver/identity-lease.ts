/**
 * The server's own Lease in kube-system (feature gate APIServerIdentity, KEP-1965): which API servers there are and which live.
 * Its name follows from the machine's, its holder is new with every start. It is made when the server starts, renewed every ten
 * seconds, gone when the server stops in order; those of servers that are heard of no more go within the hour that they last
 * (pkg/controlplane/apiserver/server.go, controller/apiserverleasegc).
 */
import { createHash } from "node:crypto";
import type { ApiHandler, ApiResponse } from "../api/exchange.ts";
import type { KubeList } from "../api/object.ts";
import { formatMicroTime, parseMicroTime } from "../api/time.ts";
import type { Lease } from "../api/types/coordination-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { jittered, type Random } from "../base/random.ts";
import { Rounds } from "../base/rounds.ts";
import { askItself, type OwnRequest, refusalOf } from "./ask-itself.ts";

export interface IdentityLeaseOptions {
  handler: ApiHandler;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Of this machine. */
  hostname: string;
  /** `HOST:PORT` at which other API servers reach this one. */
  peerAddress?: string;
}

const component = "kube-apiserver";
const label = "apiserver.kubernetes.io/identity";
const hostLabel = "kubernetes.io/hostname";
const peerAnnotation = "kubernetes.io/peer-advertise-address";
const collection = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const leaseSeconds = 3600;
const renewMs = 10_000;
const collectMs = 3_600_000;
/** Of the time between renewals, so that servers do not renew together. */
const jitter = 0.04;
const triesARound = 5;

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
/** RFC 4648, in lower case and without padding. */
function base32(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[Number.parseInt(five.padEnd(5, "0"), 2)]).join("");
}
const prefixed = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]);
};
/** The same for a machine whenever its server starts. */
export const identityOf = (hostname: string): string =>
  `apiserver-${base32(createHash("sha256").update(prefixed(hostname)).update(prefixed(component)).digest().subarray(0, 16))}`;

/** Without a time or without a duration it was never one of a server's. */
export const isExpired = ({ spec }: Lease, now: number): boolean =>
  !spec?.renewTime || spec.leaseDurationSeconds === undefined || parseMicroTime(spec.renewTime) + spec.leaseDurationSeconds * 1000 < now;

export class IdentityLease implements AsyncDisposable {
  readonly #options: IdentityLeaseOptions;
  readonly #name: string;
  readonly #holder: string;
  #latest: Lease | undefined;
  #rounds: readonly Rounds[] = [];

  private constructor(options: IdentityLeaseOptions) {
    this.#options = options;
    this.#name = identityOf(options.hostname);
    this.#holder = `${this.#name}_${options.random.uuid()}`;
  }

  /** Resolves when the Lease is there, or could not be made for now. */
  static async start(options: IdentityLeaseOptions): Promise<IdentityLease> {
    const lease = new IdentityLease(options);
    // Whoever held it is dead: others are not to look for that one.
    await lease.#log("the former identity lease is not removed", () => lease.#delete(lease.#name));
    await lease.#log("the identity lease is not made, will be tried again", () => lease.#renew());
    await lease.#collect();
    const { clock, random } = options;
    const renewed = (): Promise<void> => lease.#log("the identity lease is not renewed, will be tried again", () => lease.#renew());
    lease.#rounds = [
      new Rounds(clock, () => jittered(renewMs, jitter, random), renewed),
      new Rounds(
        clock,
        () => collectMs,
        () => lease.#collect(),
      ),
    ];
    return lease;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const rounds of this.#rounds) await rounds[Symbol.asyncDispose]();
    await this.#log("the identity lease is not removed", () => this.#delete(this.#name));
  }

  async #log(failure: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.logger.warn(failure, { lease: this.#name, error });
    }
  }

  /** Rejects when it could not be written. */
  async #renew(): Promise<void> {
    for (let i = 0; i < triesARound; i++) {
      const base = this.#latest ?? (await this.#read());
      const answer = base
        ? await this.#ask({ method: "PUT", path: `${collection}/${this.#name}`, object: this.#held(base) })
        : await this.#ask({ method: "POST", path: collection, object: this.#held({ metadata: { name: this.#name, namespace: "kube-system" } } as Lease) });
      this.#latest = answer.status < 300 ? (answer.object as Lease) : undefined;
      if (this.#latest) return;
      // Somebody else wrote, made or deleted it: it is read again.
      if (answer.status !== 404 && answer.status !== 409) throw failed(answer);
    }
    throw new Error(`it was changed by others ${triesARound} times`);
  }
  #held(base: Lease): Lease {
    const { hostname, peerAddress, clock } = this.#options;
    return {
      ...base,
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        ...base.metadata,
        labels: { ...base.metadata.labels, [label]: component, [hostLabel]: hostname },
        annotations: { ...base.metadata.annotations, ...(peerAddress ? { [peerAnnotation]: peerAddress } : {}) },
      },
      spec: { ...base.spec, holderIdentity: this.#holder, leaseDurationSeconds: leaseSeconds, renewTime: formatMicroTime(clock.now()) },
    };
  }
  async #read(): Promise<Lease | undefined> {
    const answer = await this.#ask({ method: "GET", path: `${collection}/${this.#name}` });
    if (answer.status === 404) return undefined;
    if (answer.status >= 300) throw failed(answer);
    return answer.object as Lease;
  }

  #collect(): Promise<void> {
    return this.#log("expired identity leases are not removed", async () => {
      const answer = await this.#ask({ method: "GET", path: collection, query: { labelSelector: `${label}=${component}` } });
      if (answer.status >= 300) throw failed(answer);
      for (const lease of (answer.object as KubeList).items as Lease[])
        if (isExpired(lease, this.#options.clock.now())) await this.#delete(lease.metadata.name, lease.metadata.resourceVersion);
    });
  }
  /** What is not there, or was renewed meanwhile, is well. */
  async #delete(name: string, resourceVersion?: string): Promise<void> {
    const preconditions = resourceVersion === undefined ? {} : { preconditions: { resourceVersion } };
    const object = { kind: "DeleteOptions", apiVersion: "v1", ...preconditions };
    const answer = await this.#ask({ method: "DELETE", path: `${collection}/${name}`, object });
    if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409) throw failed(answer);
  }

  #ask(request: OwnRequest): Promise<ApiResponse> {
    return askItself(this.#options.handler, request);
  }
}

const failed = (answer: ApiResponse): Error => new Error(refusalOf(answer));
