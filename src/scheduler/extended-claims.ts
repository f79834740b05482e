/** Makes, finds and removes the claims that stand for pods' extended resources (KEP-5004). */
import { keyOf } from "../api/object.ts";
import { isNotFound } from "../api/status.ts";
import type { ContainerExtendedResourceRequest, Pod } from "../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../api/types/resource-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import type { Informer } from "../client/informer.ts";
import { pods, resourceclaims } from "../client/resources.gen.ts";
import { retryOnConflict } from "../client/retry.ts";

/** The index of the informer's that has the claims by the uids of their pods. */
export const byPodBehind = "pod behind";
export const deleteProtection = "resource.kubernetes.io/delete-protection";
/** Milliseconds for which a claim may take to be seen. */
const patience = 120_000;

export interface ExtendedClaimsOptions {
  client: Client;
  clock: Clock;
  claims: Informer<ResourceClaim>;
  /** The server has been asked for a claim. */
  asked(result: "success" | "failure"): void;
}

export class ExtendedClaims {
  readonly #options: ExtendedClaimsOptions;
  /** By the claims' keys: who waits to see them. */
  readonly #waiting = new Map<string, () => void>();

  constructor(options: ExtendedClaimsOptions) {
    this.#options = options;
    options.claims.onChange((_, claim) => {
      if (claim && this.#waiting.size) this.#waiting.get(keyOf(claim))?.();
    });
  }

  of(pod: Pod): ResourceClaim | undefined {
    return this.#options.claims.by(byPodBehind, pod.metadata.uid)[0];
  }

  /** What was only in memory, as the server has it now. */
  async make({ metadata, spec }: ResourceClaim, signal: AbortSignal): Promise<ResourceClaim> {
    const { namespace = "", generateName, ownerReferences, annotations } = metadata;
    const { client, asked } = this.#options;
    try {
      const made = await client.resource(resourceclaims).create(namespace, { metadata: { generateName, ownerReferences, annotations }, spec }, { signal });
      asked("success");
      return made;
    } catch (error) {
      asked("failure");
      throw new Error(`create claim for extended resources ${namespace}/: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Writes into the pod's status which claim it has, and which container gets which of its devices. */
  async tell(pod: Pod, claim: ResourceClaim, requestMappings: readonly ContainerExtendedResourceRequest[], signal: AbortSignal): Promise<void> {
    const { namespace = "", name, uid } = pod.metadata;
    const status = { extendedResourceClaimStatus: { requestMappings, resourceClaimName: claim.metadata.name } };
    const api = this.#options.client.resource(pods);
    await api.patch(namespace, name, "strategic", { metadata: { uid }, status }, { subresource: "status", signal }).catch((error: Error) => {
      throw new Error(`update pod ${namespace}/${name} ExtendedResourceClaimStatus: ${error.message}`, { cause: error });
    });
  }

  /** Resolves when the informer shows the claim, so that its devices are known to be given; or when that takes too long. */
  async seen(claim: ResourceClaim, signal: AbortSignal): Promise<void> {
    const { claims, clock } = this.#options;
    const { namespace = "", name } = claim.metadata;
    if (claims.get(namespace, name)) return;
    const done = new AbortController();
    this.#waiting.set(keyOf(claim), () => done.abort());
    try {
      await clock.sleep(patience, AbortSignal.any([signal, done.signal]));
    } catch (error) {
      if (!done.signal.aborted) throw error;
    } finally {
      this.#waiting.delete(keyOf(claim));
    }
  }

  /** Resolves also where it is gone already. */
  async remove(claim: ResourceClaim, signal?: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const api = client.resource(resourceclaims);
    const { namespace = "", name, uid } = claim.metadata;
    const options = signal ? { signal } : {};
    let latest: ResourceClaim | undefined = claim;
    try {
      await retryOnConflict(
        clock,
        async () => {
          const known = latest ?? (await api.get(namespace, name, options));
          latest = undefined;
          const { finalizers = [] } = known.metadata;
          if (!finalizers.includes(deleteProtection)) return;
          await api.update({ ...known, metadata: { ...known.metadata, finalizers: finalizers.filter((one) => one !== deleteProtection) } }, options);
        },
        options,
      );
      await api.delete(namespace, name, { preconditions: { uid }, ...options });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
