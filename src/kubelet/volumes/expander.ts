/** Carries out what expansion.ts decides, and tells the claim and the pod. */
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { timestamp } from "../container-statuses.ts";
import type { PodEvents } from "../pod-events.ts";
import { ExpansionError, failed, finished, inProgress, pendingExpansion } from "./expansion.ts";
import type { VolumePlugin, VolumeRequest } from "./plugin.ts";

export interface ClaimStatus {
  /** A JSON merge patch of the claim's status. */
  patch(namespace: string, name: string, patch: object): Promise<PersistentVolumeClaim>;
}

export interface ExpanderOptions {
  clock: Clock;
  logger: Logger;
  events: Pick<PodEvents, "pod" | "claim">;
  claims: ClaimStatus;
  nodeName: string;
}

export class Expander {
  readonly #options: ExpanderOptions;
  /** Volumes whose drivers do not grow them while they are used. */
  readonly #refused = new Set<string>();
  constructor(options: ExpanderOptions) {
    this.#options = options;
  }
  /**
   * Resolves with the size that the volume has afterwards, undefined where nothing was to be done. Rejects when it is to be
   * tried again. `known`: the size with which it was mounted here.
   */
  async expand(plugin: VolumePlugin, request: VolumeRequest, known?: string): Promise<string | undefined> {
    const { claim, persistent, readOnly, name } = request.spec;
    if (!claim || !persistent || !plugin.expand) return undefined;
    if (known !== undefined && (readOnly || this.#refused.has(name))) return undefined;
    const expansion = pendingExpansion(claim, persistent, known);
    if (!expansion) return undefined;
    const { pod } = request;
    if (readOnly) {
      this.#tell(
        pod,
        claim,
        "Warning",
        "FileSystemResizeFailed",
        `MountVolume.NodeExpandVolume failed for volume ${JSON.stringify(name)} requested read-only file system`,
      );
      return undefined;
    }
    const { namespace = "", name: claimName } = claim.metadata;
    const patch = (body: object): Promise<PersistentVolumeClaim> => this.#options.claims.patch(namespace, claimName, body);
    const current = expansion.alreadyTold ? claim : await patch(inProgress(claim));
    try {
      await plugin.expand(request, expansion.size);
    } catch (error) {
      const kind = error instanceof ExpansionError ? error.kind : "failed";
      if (kind === "unsupported" && expansion.alreadyTold) return expansion.size;
      if (kind !== "unsure")
        await patch(failed(current, (error as Error).message, kind === "infeasible", timestamp(this.#options.clock.now()))).catch((told: unknown) =>
          this.#options.logger.warn("could not tell a claim that its volume does not grow", { claim: `${namespace}/${claimName}`, error: told }),
        );
      if (kind !== "in use") throw error;
      this.#refused.add(name);
      return undefined;
    }
    this.#tell(
      pod,
      claim,
      "Normal",
      "FileSystemResizeSuccessful",
      `MountVolume.NodeExpandVolume succeeded for volume ${JSON.stringify(name)} ${this.#options.nodeName}`,
    );
    if (!expansion.alreadyTold) await patch(finished(current, expansion.size));
    return expansion.size;
  }
  /** Nobody uses it any more: it may be grown again. */
  forget(name: string): void {
    this.#refused.delete(name);
  }
  #tell(pod: Pod, claim: PersistentVolumeClaim, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#options.events.pod(pod, type, reason, message);
    this.#options.events.claim(claim, type, reason, message);
  }
}
