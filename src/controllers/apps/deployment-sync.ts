/** The writes of the Deployment controller: its ReplicaSets and its status (pkg/controller/deployment/sync.go). */
import { controllerOf } from "../../api/meta/owner.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../api/status.ts";
import type { Deployment, DeploymentStatus, ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { deployments, replicasets } from "../../client/resources.gen.ts";
import { retryOnConflict } from "../../client/retry.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { statusEqual } from "../runtime/equal.ts";
import { recheckOwner } from "../runtime/ownership.ts";
import { isNamespaceTerminating, messageOf } from "../runtime/pod-control.ts";
import { active, byAge, isRolling, isSaturated, proportionalSizes, revisionAnnotation, wantedOf } from "./deployment-replicas.ts";
import { byRevision, draftSet, nextRevision, replicaAnnotations, sameTemplate, setAnnotations, splitSets } from "./deployment-revision.ts";
import { conditionOf, countedStatus, hasDeadline, rolloutStatus, untilDeadline, withCondition } from "./deployment-status.ts";

const maxInt32 = 2 ** 31 - 1;

export interface Sets {
  newSet: ReplicaSet | undefined;
  oldSets: ReplicaSet[];
}

/** One Deployment being worked on; `d` follows what has been written. */
export class DeploymentSync {
  d: Deployment;
  readonly #context: ControllerContext;
  readonly #owned: ReplicaSet[];

  constructor(context: ControllerContext, d: Deployment, owned: ReplicaSet[]) {
    this.#context = context;
    this.d = d;
    this.#owned = owned;
  }

  /** The new set with its annotations brought up to date, created where it must be, and the old ones. */
  async sets(create: boolean): Promise<Sets> {
    const { newSet, oldSets } = splitSets(this.d, this.#owned);
    const revision = nextRevision(oldSets);
    if (newSet) return { newSet: await this.#refresh(newSet, revision), oldSets };
    return { newSet: create ? await this.#create(oldSets, revision) : undefined, oldSets };
  }

  async #refresh(newSet: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const { client, clock, signal } = this.#context;
    const annotations = setAnnotations(this.d, newSet.metadata.annotations, revision);
    const minReadySeconds = this.d.spec.minReadySeconds ?? 0;
    if (!statusEqual(annotations, newSet.metadata.annotations) || (newSet.spec.minReadySeconds ?? 0) !== minReadySeconds) {
      const updated: ReplicaSet = { ...newSet, metadata: { ...newSet.metadata, annotations }, spec: { ...newSet.spec, minReadySeconds } };
      return await client.resource(replicasets).update(updated, { signal });
    }
    let status = this.d.status ?? {};
    if (hasDeadline(this.d) && !conditionOf(status, "Progressing")) {
      const message = `Found new replica set ${JSON.stringify(newSet.metadata.name)}`;
      status = withCondition(status, { type: "Progressing", status: "True", reason: "FoundNewReplicaSet", message }, clock.now());
    }
    await this.#write(status, annotations[revisionAnnotation]);
    return newSet;
  }

  async #create(oldSets: ReplicaSet[], revision: bigint): Promise<ReplicaSet> {
    const { client, clock, events, signal } = this.#context;
    // A set that is made for a Deployment on its way out would be deleted and made again as long as the cache is behind.
    await recheckOwner(this.#context, deployments, this.d);
    const draft = draftSet(this.d, oldSets, revision);
    const about = referenceTo(deployments, this.d);
    let created: ReplicaSet;
    let existed = false;
    try {
      created = await client.resource(replicasets).create(this.d.metadata.namespace as string, draft, { signal });
    } catch (error) {
      if (isAlreadyExists(error)) {
        created = await client.resource(replicasets).get(this.d.metadata.namespace as string, draft.metadata.name, { signal });
        existed = true;
        if (controllerOf(created)?.uid !== this.d.metadata.uid || !sameTemplate(this.d.spec.template, created.spec.template)) {
          await this.#write({ ...this.d.status, collisionCount: (this.d.status?.collisionCount ?? 0) + 1 });
          throw error;
        }
      } else {
        if (!isNamespaceTerminating(error) && !signal.aborted) {
          const message = `Failed to create new replica set ${JSON.stringify(draft.metadata.name)}: ${messageOf(error)}`;
          events.event(about, "Warning", "ReplicaSetCreateError", message);
          if (hasDeadline(this.d)) {
            await this.#write(
              withCondition(this.d.status ?? {}, { type: "Progressing", status: "False", reason: "ReplicaSetCreateError", message }, clock.now()),
            );
          }
        }
        throw error;
      }
    }
    if (!existed && wantedOf(draft) > 0) {
      events.event(about, "Normal", "ScalingReplicaSet", `Scaled up replica set ${created.metadata.name} from 0 to ${wantedOf(draft)}`);
    }
    if (existed) await this.#write(this.d.status ?? {}, String(revision));
    else await this.#tellCreated(created, String(revision));
    return created;
  }

  /**
   * That a rollout has begun is said by this write alone: without it the Progressing condition of the rollout before stays, and
   * so does its ReplicaSet's name. A conflict therefore does not lose it, although the work begins anew then, as upstream's does.
   */
  async #tellCreated(created: ReplicaSet, revision: string): Promise<void> {
    const { client, clock, signal } = this.#context;
    const message = `Created new replica set ${JSON.stringify(created.metadata.name)}`;
    const next = { type: "Progressing", status: "True", reason: "NewReplicaSetCreated", message };
    const told = ({ status = {} }: Deployment): DeploymentStatus => (hasDeadline(this.d) ? withCondition(status, next, clock.now()) : status);
    try {
      await this.#write(told(this.d), revision);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const { namespace = "", name, uid } = this.d.metadata;
      await retryOnConflict(
        clock,
        async () => {
          const present = await client.resource(deployments).get(namespace, name, { signal });
          if (present.metadata.uid !== uid || !sameTemplate(present.spec.template, this.d.spec.template)) return;
          this.d = present;
          await this.#write(told(present), revision);
        },
        { signal },
      );
      throw error;
    }
  }

  /** Undefined when nothing had to change; `force` also renews the annotations of an equally large set. */
  async scale(set: ReplicaSet, replicas: number, force = false): Promise<ReplicaSet | undefined> {
    const from = wantedOf(set);
    const wanted = replicaAnnotations(this.d);
    const stale = Object.entries(wanted).some(([key, value]) => set.metadata.annotations?.[key] !== value);
    if (from === replicas && !(force && stale)) return undefined;
    const { client, events, signal } = this.#context;
    const updated = await client
      .resource(replicasets)
      .update({ ...set, metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...wanted } }, spec: { ...set.spec, replicas } }, { signal });
    if (from === replicas) return undefined;
    const message = `Scaled ${from < replicas ? "up" : "down"} replica set ${set.metadata.name} from ${from} to ${replicas}`;
    events.event(referenceTo(deployments, this.d), "Normal", "ScalingReplicaSet", message);
    return updated;
  }

  /** After a change of spec.replicas, or while paused: no rollout, only sizes. */
  async scaleAll(): Promise<void> {
    const { newSet, oldSets } = await this.sets(false);
    const running = active(newSet ? [...oldSets, newSet] : oldSets);
    if (running.length <= 1) {
      const only = running[0] ?? newSet ?? oldSets.toSorted(byAge).at(-1);
      if (only) await this.scale(only, wantedOf(this.d));
    } else if (isSaturated(this.d, newSet)) {
      for (const set of active(oldSets)) await this.scale(set, 0);
    } else if (isRolling(this.d)) {
      for (const { set, replicas } of proportionalSizes(this.d, running)) await this.scale(set, replicas, true);
    }
    if (this.d.spec.paused) await this.cleanUp(oldSets);
    await this.writeCounts({ newSet, oldSets });
  }

  /** Deletes old sets beyond the history limit, if they are empty. */
  async cleanUp(oldSets: readonly ReplicaSet[]): Promise<void> {
    const limit = this.d.spec.revisionHistoryLimit;
    if (limit === undefined || limit === maxInt32) return;
    const alive = oldSets.filter((set) => !set.metadata.deletionTimestamp).toSorted((a, b) => byRevision(a, b) || byAge(a, b));
    const { client, signal } = this.#context;
    for (const set of alive.slice(0, Math.max(0, alive.length - limit))) {
      const observed = (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0);
      if ((set.status?.replicas ?? 0) !== 0 || wantedOf(set) !== 0 || !observed) continue;
      const { namespace = "", name, uid } = set.metadata;
      await client
        .resource(replicasets)
        .delete(namespace, name, { preconditions: { uid }, signal })
        .catch((error) => {
          if (!isNotFound(error)) throw error;
        });
    }
  }

  async writeCounts({ newSet, oldSets }: Sets): Promise<void> {
    await this.#write(countedStatus(this.d, newSet ? [...oldSets, newSet] : oldSets, newSet, this.#context.clock.now()));
  }

  /** Milliseconds until the rollout must be judged again. */
  async writeRollout({ newSet, oldSets }: Sets): Promise<number | undefined> {
    const now = this.#context.clock.now();
    const status = rolloutStatus(this.d, newSet ? [...oldSets, newSet] : oldSets, newSet, now);
    if (await this.#write(status)) return undefined;
    return untilDeadline(this.d, status, now);
  }

  /** Unknown while paused or just resumed, so that the time of the pause is not held against the rollout. */
  async markPaused(): Promise<void> {
    const condition = conditionOf(this.d.status, "Progressing");
    if (!hasDeadline(this.d) || condition?.reason === "ProgressDeadlineExceeded") return;
    const marked = condition?.reason === "DeploymentPaused";
    if (Boolean(this.d.spec.paused) === marked) return;
    const next = marked ? { reason: "DeploymentResumed", message: "Deployment is resumed" } : { reason: "DeploymentPaused", message: "Deployment is paused" };
    await this.#write(withCondition(this.d.status ?? {}, { type: "Progressing", status: "Unknown", ...next }, this.#context.clock.now()));
  }

  /** True when something was written. */
  async #write(status: DeploymentStatus, revision = this.d.metadata.annotations?.[revisionAnnotation]): Promise<boolean> {
    const sameRevision = this.d.metadata.annotations?.[revisionAnnotation] === revision;
    if (sameRevision && statusEqual(this.d.status, status)) return false;
    const annotations = revision === undefined ? this.d.metadata.annotations : { ...this.d.metadata.annotations, [revisionAnnotation]: revision };
    const metadata = { ...this.d.metadata, ...(annotations ? { annotations } : {}) };
    this.d = await this.#context.client.resource(deployments).updateStatus({ ...this.d, metadata, status }, { signal: this.#context.signal });
    return true;
  }
}
