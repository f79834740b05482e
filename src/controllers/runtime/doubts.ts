/**
 * After a request that ended without an answer: what the server has, compared with what the cache shows. Without it the
 * retry would make a second pod, or choose another one to delete, whenever the first attempt was carried out after all.
 */
import { controllerOf } from "../../api/meta/owner.ts";
import { keyOf, type KubeObject } from "../../api/object.ts";
import type { LabelSelector } from "../../api/selectors/labels.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Expectations } from "../../client/expectations.ts";
import type { Informer } from "../../client/informer.ts";
import { pods as podResource } from "../../client/resources.gen.ts";
import type { ControllerContext } from "./controller.ts";
import { isTerminating } from "./pods.ts";

/** Rejects, and the doubt stays, when the server does not answer. */
export async function settleDoubts(
  { client, signal }: ControllerContext,
  expectations: Expectations,
  owner: KubeObject,
  selector: LabelSelector,
  pods: Informer<Pod>,
): Promise<void> {
  const key = keyOf(owner);
  if (!expectations.isDoubtful(key)) return;
  const { namespace = "", uid } = owner.metadata;
  const { items, metadata } = await client.resource(podResource).list({ namespace, labelSelector: selector.toString(), signal });
  // A cache that is as new as the answer shows all of it.
  const isBehind = BigInt(pods.resourceVersion || 0) < BigInt(metadata.resourceVersion || 0);
  const live = items.filter((pod) => controllerOf(pod)?.uid === uid && !isTerminating(pod));
  const unseen = live.filter((pod) => pods.get(namespace, pod.metadata.name)?.metadata.uid !== pod.metadata.uid);
  const remaining = new Set(live.map((pod) => pod.metadata.uid));
  expectations.recount(key, isBehind ? unseen.length : 0, (deleted) => isBehind && !remaining.has(deleted));
}
