/** Namespaces go in two steps: terminating until their contents are gone, then for good (pkg/registry/core/namespace/storage). */
import { deepCopy } from "../../../api/copy.ts";
import type { KubeObject } from "../../../api/object.ts";
import { formatTime } from "../../../api/time.ts";
import type { Namespace } from "../../../api/types/core-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Call, DeleteOptions, Registry } from "../../rest/call.ts";
import { finish } from "../../rest/decode.ts";
import { checkFinalizerPreconditions, deleteObject, respondDeletion } from "../../rest/delete.ts";
import { read } from "../../rest/get.ts";
import { respondOutcome, respondStored } from "../../rest/respond.ts";
import { attributesOf, serverUpdate } from "../../rest/write.ts";

const orphan = "orphan";
const foreground = "foregroundDeletion";

function terminating(namespace: Namespace, options: DeleteOptions, now: number): Namespace {
  const copy = deepCopy(namespace);
  copy.metadata.deletionTimestamp ??= formatTime(now);
  copy.status = { ...copy.status, phase: "Terminating" };
  const before = copy.metadata.finalizers ?? [];
  const { orphanDependents, propagationPolicy } = options;
  const wanted = (finalizer: string, policy: string, asked: boolean | undefined): boolean =>
    asked ?? (propagationPolicy === undefined ? before.includes(finalizer) : propagationPolicy === policy);
  const kept = before.filter((finalizer) => finalizer !== orphan && finalizer !== foreground);
  if (wanted(orphan, "Orphan", orphanDependents)) kept.push(orphan);
  if (wanted(foreground, "Foreground", orphanDependents === undefined ? undefined : !orphanDependents)) kept.push(foreground);
  copy.metadata.finalizers = kept;
  return copy;
}

/** It is not gone yet, and one who insists on its dependents is told so. */
const statusOf = (options: DeleteOptions): number => (options.orphanDependents === false ? 202 : 200);

export const namespaceRegistry = ({ clock }: { clock: Clock }): Registry => ({
  mayDeleteOnUpdate: (object) => !(object as Namespace).spec?.finalizers?.length,
  async delete(call: Call, _name: string, options: DeleteOptions) {
    const current = await read(call);
    const namespace = current.object() as Namespace;
    checkFinalizerPreconditions(call, current, options);
    const dryRun = (options.dryRun?.length ?? 0) > 0;
    if (!namespace.metadata.deletionTimestamp) {
      const attributes = {
        ...attributesOf(call, "DELETE", { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", ...options }, dryRun),
        old: namespace as KubeObject,
      };
      await call.rest.admission.mutate(attributes);
      await call.rest.admission.validate(attributes);
      if (dryRun) return respondOutcome(call, statusOf(options), { object: finish(call.endpoint, terminating(namespace, options, clock.now()) as KubeObject) });
      const stored = await serverUpdate(call, (old) => terminating(old as Namespace, options, clock.now()));
      return respondStored(call, statusOf(options), stored);
    }
    if (namespace.spec?.finalizers?.length) return respondStored(call, statusOf(options), current);
    return respondDeletion(call, await deleteObject(call, options), options);
  },
});
