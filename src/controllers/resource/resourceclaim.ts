/**
 * ResourceClaims of pods: made from templates, reserved for pods that were bound without the scheduler, given back and deleted
 * when nobody needs them any more (pkg/controller/resourceclaim).
 */
import { keyOf, splitKey } from "../../api/object.ts";
import { isNotFound, StatusError } from "../../api/status.ts";
import type { Pod, PodResourceClaim } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim, ResourceClaimConsumerReference } from "../../api/types/resource-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { pods as podResource, resourceclaims, resourceclaimtemplates } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { claimObject, isReservedFor, notForPod } from "../../api/resource/pod-claims.ts";
import { measureClaims } from "./claim-measures.ts";
import { claimNames, generateName, isDone, owningPod } from "./pod-claims.ts";

const finalizer = "resource.kubernetes.io/delete-protection";
const claimAnnotation = "resource.kubernetes.io/pod-claim-name";
const manager = "ResourceClaimController";
const podKey = "pod:";
const claimKey = "claim:";
const byClaim = "resourceclaim";
const byTemplate = "resourceclaimtemplate";
const byOwner = "owner";
/** Pods of which is remembered that they are gone, so that nobody has to be asked. */
const maxRemembered = 500;

const inNamespace = (pod: Pod, names: (string | undefined)[]): string[] => names.flatMap((name) => (name ? [`${pod.metadata.namespace}/${name}`] : []));
const indexes = {
  [byClaim]: (pod: Pod): string[] => inNamespace(pod, claimNames(pod)),
  [byTemplate]: (pod: Pod): string[] =>
    inNamespace(
      pod,
      (pod.spec.resourceClaims ?? []).map((claim) => claim.resourceClaimTemplateName),
    ),
};

export const resourceClaim: Controller = {
  name: "resourceclaim-controller",
  account: "resource-claim-controller",
  component: "resource_claim",
  workers: 50,
  start({ client, informers, enqueue, events, measures, signal }) {
    const pods = informers.informer(podResource, { indexes });
    const templates = informers.informer(resourceclaimtemplates);
    const claims = informers.informer(resourceclaims, {
      indexes: { [byOwner]: (claim: ResourceClaim) => (owningPod(claim) ? [owningPod(claim)?.uid as string] : []) },
    });
    const counted = measureClaims(measures, () => claims.list());
    const api = client.resource(resourceclaims);
    const gone = new Set<string>();
    /** Made here and not seen yet: a second one would be made otherwise. By the pod's uid and its name for the claim. */
    const made = new Map<string, ResourceClaim>();
    /** Requests for one that ended without an answer: the server is asked before it is repeated. */
    const doubtful = new Set<string>();

    const consider = (pod: Pod, deleted: boolean): void => {
      if (!pod.spec.resourceClaims?.length && !pod.status?.extendedResourceClaimStatus) return;
      if (deleted) {
        gone.add(pod.metadata.uid);
        for (const uid of gone) if (gone.size > maxRemembered) gone.delete(uid);
      }
      // What is taken from a pod that has ended is not to be made for it again.
      if (deleted || isDone(pod)) for (const name of claimNames(pod)) enqueue(`${claimKey}${pod.metadata.namespace}/${name}`);
      else if (!pod.metadata.deletionTimestamp) enqueue(`${podKey}${keyOf(pod)}`);
    };
    pods.onChange((old, pod) => consider((pod ?? old) as Pod, !pod));
    templates.onChange((_, template) => {
      if (template) for (const pod of pods.by(byTemplate, keyOf(template))) consider(pod, false);
    });
    claims.onChange((old, claim) => {
      const changed = (claim ?? old) as ResourceClaim;
      made.delete(`${owningPod(changed)?.uid} ${changed.metadata.annotations?.[claimAnnotation]}`);
      if (claim) enqueue(`${claimKey}${keyOf(claim)}`);
      for (const pod of pods.by(byClaim, keyOf(changed))) consider(pod, false);
    });

    /** The name of the object that is to stand in the pod's status, when it does not stand there. */
    const ensure = async (pod: Pod, claim: PodResourceClaim): Promise<string | undefined> => {
      const { namespace = "", name, uid } = pod.metadata;
      const found = claimObject(pod, claim);
      if (found === "unneeded") return;
      if (found !== "missing") {
        const object = claims.get(namespace, found.name);
        if (object && (!found.own || !notForPod(pod, object))) return;
      }
      if (claim.resourceClaimTemplateName === undefined) return;
      const mine = (one: ResourceClaim): boolean => one.metadata.annotations?.[claimAnnotation] === claim.name;
      const key = `${uid} ${claim.name}`;
      let known = made.get(key) ?? claims.by(byOwner, uid).find(mine);
      if (!known && doubtful.has(key)) {
        const { items } = await api.list({ namespace, signal });
        known = items.find((one) => owningPod(one)?.uid === uid && mine(one));
        // Until the cache shows it, the next look must find it, too.
        if (known && !claims.get(namespace, known.metadata.name)) made.set(key, known);
      }
      doubtful.delete(key);
      if (known) return known.metadata.name;
      const template = templates.get(namespace, claim.resourceClaimTemplateName);
      const named = JSON.stringify(claim.resourceClaimTemplateName);
      if (!template) throw new Error(`resource claim template ${named}: resourceclaimtemplate.resource.k8s.io ${named} not found`);
      const { annotations, labels } = template.spec.metadata ?? {};
      const draft = {
        metadata: {
          generateName: generateName(name, claim.name),
          annotations: { ...annotations, [claimAnnotation]: claim.name },
          ...(labels ? { labels } : {}),
          ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid, controller: true }],
        },
        spec: template.spec.spec,
      };
      const created = await api.create(namespace, draft, { signal }).catch((error: unknown) => {
        counted(draft, false);
        if (!(error instanceof StatusError) || error.code >= 500) doubtful.add(key);
        throw new Error(`create ResourceClaim : ${messageOf(error)}`, { cause: error });
      });
      counted(draft, true);
      if (!claims.get(namespace, created.metadata.name)) made.set(key, created);
      return created.metadata.name;
    };

    const syncPod = async (pod: Pod): Promise<void> => {
      const { namespace = "", name, uid } = pod.metadata;
      const fresh = new Map<string, string>();
      for (const claim of pod.spec.resourceClaims ?? []) {
        try {
          const object = await ensure(pod, claim);
          if (object !== undefined) fresh.set(claim.name, object);
        } catch (error) {
          const why = `PodResourceClaim ${claim.name}: ${messageOf(error)}`;
          if (!signal.aborted) events.event(referenceTo(podResource, pod), "Warning", "FailedResourceClaimCreation", why);
          throw error;
        }
      }
      if (fresh.size) {
        const before = (pod.status?.resourceClaimStatuses ?? []).filter((one) => !fresh.has(one.name));
        const resourceClaimStatuses = [...before, ...[...fresh].map(([of, resourceClaimName]) => ({ name: of, resourceClaimName }))];
        const body = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, status: { resourceClaimStatuses } };
        await client.resource(podResource).patch(namespace, name, "apply", body, { subresource: "status", fieldManager: manager, force: true, signal });
      }
      if (!pod.spec.nodeName) return;
      for (const claim of pod.spec.resourceClaims ?? []) {
        const found = claimObject(pod, claim);
        if (typeof found === "string") continue;
        const object = claims.get(namespace, found.name);
        if (!object) return;
        const foreign = found.own && notForPod(pod, object);
        if (foreign) throw new Error(foreign);
        if (!object.status?.allocation || isReservedFor(object, pod)) continue;
        const reservedFor = [...(object.status.reservedFor ?? []), { resource: "pods", name, uid }];
        await api.updateStatus({ ...object, status: { ...object.status, reservedFor } }, { signal });
      }
    };

    const stillNeeds = async (namespace: string, { apiGroup = "", resource, name, uid }: ResourceClaimConsumerReference): Promise<boolean> => {
      if (apiGroup || resource !== "pods") return true;
      if (gone.has(uid)) return false;
      const known = pods.get(namespace, name);
      if (known) return known.metadata.uid === uid && !isDone(known);
      // The cache may not know it yet, and the scheduler may be placing it this moment.
      const asked = await client
        .resource(podResource)
        .get(namespace, name, { signal })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      return asked?.metadata.uid === uid;
    };
    const withoutFinalizer = async (claim: ResourceClaim): Promise<void> => {
      const finalizers = (claim.metadata.finalizers ?? []).filter((one) => one !== finalizer);
      await api.update({ ...claim, metadata: { ...claim.metadata, finalizers } }, { signal });
    };
    const deallocated = (status: ResourceClaim["status"]): ResourceClaim["status"] => {
      const { allocation: _, ...rest } = status;
      return rest;
    };

    const syncClaim = async (claim: ResourceClaim): Promise<void> => {
      const { namespace = "", name, finalizers, deletionTimestamp } = claim.metadata;
      const reserved = claim.status?.reservedFor ?? [];
      const needed = await Promise.all(reserved.map((consumer) => stillNeeds(namespace, consumer)));
      const remaining = reserved.filter((_, i) => needed[i]);
      const guarded = finalizers?.includes(finalizer) ?? false;
      if (remaining.length < reserved.length) {
        const status = { ...claim.status, reservedFor: remaining };
        // Whoever uses it next shall get devices where he is, not where they were.
        const wanted = !remaining.length && guarded ? deallocated(status) : status;
        const updated = await api.updateStatus({ ...claim, status: wanted }, { signal });
        if (updated.metadata.finalizers?.includes(finalizer) && !updated.status?.allocation) await withoutFinalizer(updated);
      } else if (guarded && deletionTimestamp && !remaining.length) {
        await withoutFinalizer(claim.status?.allocation ? await api.updateStatus({ ...claim, status: deallocated(claim.status) }, { signal }) : claim);
      }
      const owner = remaining.length ? undefined : owningPod(claim);
      const pod = owner && pods.get(namespace, owner.name);
      if (!pod || (pod.metadata.uid === owner.uid && !isDone(pod))) return;
      await api.delete(namespace, name, { preconditions: { uid: claim.metadata.uid }, signal }).catch((error: unknown) => {
        if (isNotFound(error)) return;
        throw new Error(`delete unused generated claim ${namespace}/${name}: ${messageOf(error)}`, { cause: error });
      });
    };

    return async (key) => {
      const ofPod = key.startsWith(podKey);
      const { namespace, name } = splitKey(key.slice((ofPod ? podKey : claimKey).length));
      if (ofPod) {
        const pod = pods.get(namespace, name);
        if (pod && !pod.metadata.deletionTimestamp && !isDone(pod)) await syncPod(pod);
        return;
      }
      const claim = claims.get(namespace, name);
      if (claim) await syncClaim(claim);
    };
  },
};
