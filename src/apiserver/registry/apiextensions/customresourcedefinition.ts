/** Definitions go when their objects are gone: a finalizer holds them until then (apiextensions-apiserver/pkg/registry/customresourcedefinition/etcd.go). */
import { cleanupFinalizer, withCondition } from "../../../api/apiextensions/definition-status.ts";
import { deepCopy } from "../../../api/copy.ts";
import type { KubeObject } from "../../../api/object.ts";
import { formatTime } from "../../../api/time.ts";
import type { CustomResourceDefinition } from "../../../api/types/apiextensions-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Call, DeleteOptions, Registry } from "../../rest/call.ts";
import { finish } from "../../rest/decode.ts";
import { checkFinalizerPreconditions, deleteObject, respondDeletion } from "../../rest/delete.ts";
import { read } from "../../rest/get.ts";
import { respondOutcome, respondStored } from "../../rest/respond.ts";
import { attributesOf, serverUpdate } from "../../rest/write.ts";

function terminating(definition: CustomResourceDefinition, now: string): CustomResourceDefinition {
  const copy = deepCopy(definition);
  copy.metadata.deletionTimestamp ??= now;
  const finalizers = copy.metadata.finalizers ?? [];
  if (!finalizers.includes(cleanupFinalizer)) copy.metadata.finalizers = [...finalizers, cleanupFinalizer];
  const message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
  copy.status.conditions = withCondition(copy.status.conditions, { type: "Terminating", status: "True", reason: "InstanceDeletionPending", message }, now);
  return copy;
}

export const customResourceDefinitionRegistry = ({ clock }: { clock: Clock }): Registry => ({
  async delete(call: Call, _name: string, options: DeleteOptions) {
    const current = await read(call);
    const definition = current.object() as unknown as CustomResourceDefinition;
    checkFinalizerPreconditions(call, current, options);
    const dryRun = (options.dryRun?.length ?? 0) > 0;
    if (definition.metadata.deletionTimestamp) return respondDeletion(call, await deleteObject(call, options), options);
    const attributes = {
      ...attributesOf(call, "DELETE", { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", ...options }, dryRun),
      old: definition as unknown as KubeObject,
    };
    await call.rest.admission.mutate(attributes);
    await call.rest.admission.validate(attributes);
    const made = (old: KubeObject): KubeObject => terminating(old as unknown as CustomResourceDefinition, formatTime(clock.now())) as unknown as KubeObject;
    const status = options.orphanDependents === false ? 202 : 200;
    if (dryRun) return respondOutcome(call, status, { object: finish(call.endpoint, made(current.object())) });
    return respondStored(call, status, await serverUpdate(call, made));
  },
});
