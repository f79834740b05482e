/**
 * Namespace deletion: removes everything in a terminating namespace, pods first, says what remains in its conditions, and
 * then takes the `kubernetes` finalizer away (k8s.io/kubernetes/pkg/controller/namespace).
 */
import { isConflict, isNotFound, StatusError } from "../../api/status.ts";
import { parseTime } from "../../api/time.ts";
import type { Namespace } from "../../api/types/core-v1.gen.ts";
import { discover, type ServedResource } from "../../client/discovery.ts";
import { namespaces, pods } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { type Findings, namespaceConditions } from "./namespace-conditions.ts";

const finalizer = "kubernetes";
/**
 * Milliseconds before anything is deleted: other API servers are to have seen that the namespace ends, and who deletes a whole
 * tree, its namespace first, is to find the rest of it still there.
 */
const patience = 5000;
/** Milliseconds between attempts while somebody else's finalizers hold objects. */
const finalizerWait = 15_000;

export const namespace: Controller = {
  name: "namespace-controller",
  account: "namespace-controller",
  workers: 10,
  start(context) {
    const { informers, enqueue } = context;
    const spaces = informers.informer(namespaces);
    spaces.onChange((_, object) => {
      if (object?.metadata.deletionTimestamp) enqueue(object.metadata.name, patience);
    });
    return async (name) => {
      try {
        const wait = await sync(context, name);
        if (wait > 0) return { requeueAfter: wait / 2 + 1000 };
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    };
  },
};

/** Milliseconds to wait for what remains; 0 when nothing is left to do. */
async function sync(context: ControllerContext, name: string): Promise<number> {
  const { client, signal } = context;
  const api = client.resource(namespaces);
  let object = await api.get("", name, { signal });
  if (!object.metadata.deletionTimestamp) return 0;
  if (object.status?.phase !== "Terminating") object = await api.updateStatus({ ...object, status: { ...object.status, phase: "Terminating" } }, { signal });
  if (!object.spec?.finalizers?.length) return 0;
  const findings = await deleteContent(context, object);
  const conditions = namespaceConditions(object.status?.conditions, findings, context.clock.now());
  if (conditions) {
    try {
      object = await api.updateStatus({ ...object, status: { ...object.status, conditions } }, { signal });
    } catch (error) {
      if (!isConflict(error)) throw error;
      object = await api.get("", name, { signal });
    }
  }
  const [failure] = [...findings.discoveryFailures, ...findings.failures];
  if (failure) throw new Error(failure);
  if (findings.wait > 0) return findings.wait;
  const finalizers = (object.spec?.finalizers ?? []).filter((f) => f !== finalizer);
  await api.subresource("PUT", "", name, "finalize", { ...object, apiVersion: "v1", kind: "Namespace", spec: { ...object.spec, finalizers } }, signal);
  return 0;
}

async function deleteContent(context: ControllerContext, object: Namespace): Promise<Findings> {
  const findings: Findings = { discoveryFailures: [], failures: [], remaining: new Map(), finalizers: new Map(), wait: 0 };
  const discovery = await discover(context.client.transport, context.signal);
  findings.discoveryFailures.push(...discovery.failures);
  const deletable = discovery.resources.filter((r) => r.namespaced && r.preferred && r.verbs.includes("delete"));
  const isPods = (r: ServedResource): boolean => r.group === "" && r.resource === "pods";
  for (const resource of deletable.filter(isPods)) await deleteAll(context, object, resource, findings);
  // Pods may need what else is here to end in order.
  if (findings.remaining.size > 0) return findings;
  await Promise.all(deletable.filter((r) => !isPods(r)).map((resource) => deleteAll(context, object, resource, findings)));
  return findings;
}

async function deleteAll(context: ControllerContext, object: Namespace, resource: ServedResource, findings: Findings): Promise<void> {
  const { client, signal, clock } = context;
  const name = object.metadata.name;
  const api = client.resource(resource);
  const deletion = { propagationPolicy: "Background" };
  try {
    const isPods = resource.group === "" && resource.resource === "pods";
    const grace = isPods ? await gracePeriod(context, name) : 0;
    const wait = clock.now() - parseTime(object.metadata.deletionTimestamp as string) >= grace ? 0 : grace;
    if (resource.verbs.includes("deletecollection")) await ignoringUnserved(api.deleteCollection({ namespace: name, signal }, deletion));
    else if (resource.verbs.includes("list")) {
      for (const item of (await ignoringUnserved(api.list({ namespace: name, signal })))?.items ?? []) {
        await ignoringUnserved(api.delete(name, item.metadata.name, { ...deletion, signal }));
      }
    }
    if (!resource.verbs.includes("list")) return;
    const items = (await ignoringUnserved(api.list({ namespace: name, signal })))?.items ?? [];
    if (items.length === 0) return;
    findings.remaining.set(`${resource.resource}.${resource.group}`, items.length);
    const held = items.flatMap((item) => item.metadata.finalizers ?? []);
    for (const f of held) findings.finalizers.set(f, (findings.finalizers.get(f) ?? 0) + 1);
    if (wait > 0) findings.wait = Math.max(findings.wait, wait);
    else if (held.length > 0) findings.wait = Math.max(findings.wait, finalizerWait);
    else {
      const gvr = `${resource.group}/${resource.version}, Resource=${resource.resource}`;
      findings.failures.push(`unexpected items still remain in namespace: ${name} for gvr: ${gvr}`);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    findings.failures.push(messageOf(error));
  }
}

/** Milliseconds that the slowest pod may take to end. */
async function gracePeriod({ client, signal }: ControllerContext, namespace: string): Promise<number> {
  const { items } = await client.resource(pods).list({ namespace, signal });
  const running = items.filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  return Math.max(0, ...running.map((pod) => pod.spec.terminationGracePeriodSeconds ?? 0)) * 1000;
}

/** Resources that went away between discovery and now, or lack the verb after all. */
async function ignoringUnserved<R>(answer: Promise<R>): Promise<R | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StatusError && (error.code === 404 || error.code === 405)) return undefined;
    throw error;
  }
}
