/** POST pods/eviction: a deletion that disruption budgets may hold back (pkg/registry/core/pod/storage/eviction.go). */
import { deepCopy } from "../../../api/copy.ts";
import { isPodReady, setPodCondition } from "../../../api/core/pod-status.ts";
import type { ApiResponse } from "../../../api/exchange.ts";
import type { KubeObject } from "../../../api/object.ts";
import { typeByName } from "../../../api/schema/schema.ts";
import { badRequest, conflict, isConflict, StatusError } from "../../../api/status.ts";
import { formatTime } from "../../../api/time.ts";
import type { Pod, PodCondition } from "../../../api/types/core-v1.gen.ts";
import type { Eviction } from "../../../api/types/policy-v1.gen.ts";
import { type Call, callOn, type DeleteOptions } from "../../rest/call.ts";
import { decodeTyped } from "../../rest/decode.ts";
import { deleteObject } from "../../rest/delete.ts";
import { read } from "../../rest/get.ts";
import { checkDeleteOptions, writeOptions } from "../../rest/options.ts";
import { respondObject } from "../../rest/respond.ts";
import { matchNamespace, validateUpdate } from "../../rest/strategy.ts";
import { attributesOf, serverUpdate } from "../../rest/write.ts";
import { again, budgetsOf, held, spendOn, tries } from "./eviction-budget.ts";

/** Terminal, pending and dying pods disrupt nothing any more. */
function needsNoBudget(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return phase === "Succeeded" || phase === "Failed" || phase === "Pending" || pod.metadata.deletionTimestamp !== undefined;
}

const evictionVersions: ReadonlySet<string> = new Set(["policy/v1", "policy/v1beta1"]);

export async function evict(call: Call): Promise<ApiResponse> {
  const { info, rest } = call;
  const options = writeOptions(call, "CreateOptions");
  const type = typeByName("policy/v1.Eviction");
  const eviction = await decodeTyped<Eviction>(call, { kind: "Eviction", apiVersion: "policy/v1", type, versions: evictionVersions }, options.fieldValidation);
  eviction.metadata ??= {} as Eviction["metadata"];
  matchNamespace(call, eviction as unknown as KubeObject);
  const attributes = { ...attributesOf(call, "CREATE", options.object, options.dryRun), object: eviction as unknown as KubeObject };
  await rest.admission.mutate(attributes);
  if (eviction.metadata.name !== info.name) throw badRequest("name in URL does not match name in Eviction object");
  const deletion: DeleteOptions = { ...eviction.deleteOptions };
  const asked = deletion.dryRun ?? [];
  if (options.dryRun && asked.length && (asked.length > 1 || asked[0] !== "All"))
    throw new StatusError({ code: 500, message: `Non-matching dry-run options in request and content: [All] and [${asked.join(" ")}]` });
  const dryRun = options.dryRun || (deletion.dryRun?.length ?? 0) > 0;
  if (dryRun && !asked.length) deletion.dryRun = ["All"];
  await rest.admission.validate({ ...attributes, dryRun });
  const pods: Call = { ...callOn(call, "pods", info.namespace, info.name), info: { ...info, subresource: "" } };
  const insists = deletion.preconditions?.resourceVersion !== undefined;
  const unchanged = ({ metadata }: Pod): DeleteOptions => ({
    ...deletion,
    preconditions: { ...deletion.preconditions, resourceVersion: metadata.resourceVersion },
  });
  const pod = await withoutBudget(
    pods,
    (found) => {
      const wholly = found.status?.phase === "Succeeded" || found.status?.phase === "Failed" || found.metadata.deletionTimestamp !== undefined;
      return evicted(pods, wholly || insists ? deletion : unchanged(found), dryRun);
    },
    insists,
  );
  if (!pod) return success(call);
  const budgets = await budgetsOf(call, pod);
  if (budgets.length > 1)
    throw new StatusError({ code: 500, message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support." });
  const [budget] = budgets;
  let guarded = false;
  if (budget) {
    const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
    const always = budget.spec?.unhealthyPodEvictionPolicy === "AlwaysAllow";
    guarded = !isPodReady(pod) && (always || (currentHealthy >= desiredHealthy && desiredHealthy > 0));
    if (!guarded) await spendOn(call, budget, dryRun);
  }
  try {
    // Whatever version the caller insists on: upstream puts this one in its place.
    await evicted(pods, guarded ? unchanged(pod) : deletion, dryRun);
  } catch (error) {
    if (guarded && !insists && isConflict(error)) throw held(10, `The disruption budget ${budget?.metadata.name} is still being processed by the server.`);
    throw error;
  }
  return success(call);
}

/**
 * Removes a pod that needs no budget, however it changes meanwhile, unless the caller insists on one version of it. The pod where
 * a budget has a say.
 */
async function withoutBudget(pods: Call, remove: (pod: Pod) => Promise<void>, insists: boolean): Promise<Pod | undefined> {
  for (let left = insists ? 1 : tries; ; left--) {
    const pod = (await read(pods)).object() as unknown as Pod;
    if (!needsNoBudget(pod)) return pod;
    try {
      await remove(pod);
      return undefined;
    } catch (error) {
      if (!(await again(pods, error, left))) throw error;
    }
  }
}

const success = (call: Call): ApiResponse => respondObject(call, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });

/** The pod, told that it is disrupted by a write of its status: it is judged as any other. */
function marked(pods: Call, old: KubeObject, { uid, resourceVersion }: NonNullable<DeleteOptions["preconditions"]>): KubeObject {
  const pod = deepCopy(old) as unknown as Pod;
  if (uid && uid !== pod.metadata.uid)
    throw conflict(
      "Pod",
      pod.metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${pod.metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion)
    throw conflict(
      "Pod",
      pod.metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${pod.metadata.resourceVersion}). The object might have been modified`,
    );
  const condition = { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI", message: "Eviction API: evicting", lastProbeTime: null };
  pod.status ??= {};
  setPodCondition(pod.status, condition as unknown as PodCondition, formatTime(pods.rest.clock.now()));
  const object = pod as unknown as KubeObject;
  validateUpdate(pods, object, old, "status", "Pod");
  return object;
}

/** Marks the pod as disrupted, which is not tried on a dry run, and deletes it. */
async function evicted(pods: Call, options: DeleteOptions, dryRun: boolean): Promise<void> {
  const { preconditions: given = {} } = options;
  const written = dryRun ? undefined : await serverUpdate(pods, (old) => marked(pods, old, given));
  checkDeleteOptions(options);
  const preconditions = given.resourceVersion && written ? { ...given, resourceVersion: String(written.revision) } : options.preconditions;
  await deleteObject(pods, { ...options, ...(preconditions ? { preconditions } : {}) });
}
