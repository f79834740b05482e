/** POST bindings and pods/binding: a pod gets its node (pkg/registry/core/pod/storage BindingREST). */
import { deepCopy } from "../../../api/copy.ts";
import type { ApiResponse } from "../../../api/exchange.ts";
import { validateBinding } from "../../../api/core/binding.ts";
import type { FieldError } from "../../../api/field.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { KubeObject } from "../../../api/object.ts";
import { typeByName } from "../../../api/schema/schema.ts";
import { badRequest, conflict, StatusError } from "../../../api/status.ts";
import { formatTime } from "../../../api/time.ts";
import type { Binding, Pod, PodCondition } from "../../../api/types/core-v1.gen.ts";
import { storageKey } from "../../../cache/keys.ts";
import { type Call, callOn, type Registry } from "../../rest/call.ts";
import { decodeTyped } from "../../rest/decode.ts";
import { type WriteOptions, writeOptions } from "../../rest/options.ts";
import { nameError } from "../../rest/place.ts";
import { respondObject } from "../../rest/respond.ts";
import { matchNamespace, wipeMetadata } from "../../rest/strategy.ts";
import { attributesOf, serverUpdate } from "../../rest/write.ts";

/** Errors that upstream gives as they are, without a reason. */
function aggregate(errors: readonly FieldError[]): StatusError {
  const texts = [...new Set(errors.map(({ field, body }) => `${field}: ${body}`))];
  return new StatusError({ code: 500, message: texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]` });
}

function validate(binding: Binding): void {
  const errors = validateBinding(binding);
  if (errors.length) throw aggregate(errors);
}

/** The pod with its node; throws 409 for one that has a node, goes away or waits for its gates. */
function bound(pod: Pod, binding: Binding, now: number, key: string): Pod {
  const refuse = (why: string) => conflict("pods/binding", pod.metadata.name, why);
  const { uid, resourceVersion } = binding.metadata;
  const unmet = (what: string, wanted: string, found: string): StatusError => {
    const why = `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`;
    return conflict("pods", pod.metadata.name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`);
  };
  if (uid && uid !== pod.metadata.uid) throw unmet("UID", uid, pod.metadata.uid);
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) throw unmet("ResourceVersion", resourceVersion, pod.metadata.resourceVersion);
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${pod.metadata.name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) throw refuse(`pod ${pod.metadata.name} is already assigned to node ${goQuote(pod.spec.nodeName)}`);
  if (pod.spec.schedulingGates?.length) throw refuse(`pod ${pod.metadata.name} has non-empty .spec.schedulingGates`);
  const copy = deepCopy(pod);
  copy.spec.nodeName = binding.target.name as string;
  const { annotations, labels } = binding.metadata;
  if (annotations) copy.metadata.annotations = { ...copy.metadata.annotations, ...annotations };
  if (labels) copy.metadata.labels = { ...copy.metadata.labels, ...labels };
  const conditions = copy.status?.conditions ?? [];
  const before = conditions.find((condition) => condition.type === "PodScheduled");
  const condition = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: formatTime(now) } as unknown as PodCondition;
  if (before?.status === "True") condition.lastTransitionTime = before.lastTransitionTime;
  const { nominatedNodeName: _nominated, ...status } = copy.status ?? {};
  copy.status = { ...status, conditions: before ? conditions.map((c) => (c === before ? condition : c)) : [...conditions, condition] };
  return copy;
}

export async function bind(call: Call, binding: Binding, options: WriteOptions): Promise<ApiResponse> {
  const { rest, info } = call;
  const attributes = { ...attributesOf(call, "CREATE", options.object, options.dryRun), object: binding as unknown as KubeObject };
  await rest.admission.mutate(attributes);
  if (info.name && binding.metadata.name !== info.name) throw badRequest("name in URL does not match name in Binding object");
  validate(binding);
  await rest.admission.validate(attributes);
  const { name } = binding.metadata;
  const wrong = nameError(name);
  if (wrong) throw wrong;
  const pods = callOn(call, "pods", info.namespace, name);
  const stored = storageKey(pods.endpoint.hub, info.namespace, name);
  // What is only tried does not come as far as the storage, which puts its prefix before keys.
  const key = options.dryRun ? stored.replace(/^\/registry/, "") : stored;
  await serverUpdate(pods, (old) => bound(old as unknown as Pod, binding, rest.clock.now(), key) as unknown as KubeObject, options.dryRun);
  return respondObject(call, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

async function decodeBinding(call: Call): Promise<{ binding: Binding; options: WriteOptions }> {
  const options = writeOptions(call, "CreateOptions");
  const type = typeByName("core/v1.Binding");
  const binding = await decodeTyped<Binding>(call, { kind: "Binding", apiVersion: "v1", type }, options.fieldValidation);
  matchNamespace(call, binding as unknown as KubeObject);
  return { binding, options };
}

/** POST pods/NAME/binding. */
export async function bindNamed(call: Call): Promise<ApiResponse> {
  const { binding, options } = await decodeBinding(call);
  return bind(call, binding, options);
}

export const bindingRegistry: Registry = {
  async create(call) {
    const { binding, options } = await decodeBinding(call);
    // Only who names the pod in the path insists on its uid.
    wipeMetadata(binding);
    return bind(call, binding, options);
  },
};
