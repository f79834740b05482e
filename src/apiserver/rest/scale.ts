/** The scale subresource: autoscaling/v1 Scale over spec.replicas (pkg/registry/apps/deployment/storage). */
import { parentEntries, scaleEntries } from "../../api/apply/scale-fields.ts";
import { trackUpdate } from "../../api/apply/managed-fields.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import { invalidValue, path } from "../../api/field.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { type TableColumn, typeByName } from "../../api/schema/schema.ts";
import { badRequest, conflict, invalid, StatusError } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { Scale } from "../../api/types/autoscaling-v1.gen.ts";
import { applyTo } from "./apply.ts";
import type { Call } from "./call.ts";
import { type CustomScale, customScale, scaleColumns } from "./custom-scale.ts";
import { decodeTyped } from "./decode.ts";
import { read } from "./get.ts";
import { type WriteOptions, writeOptions } from "./options.ts";
import { type Patch, patched, patchTypeOf, readPatch } from "./patch.ts";
import { respondKube } from "./respond.ts";
import { type Scalable, scaleOf } from "./scale-of.ts";
import { ageOf } from "./table.ts";
import { updateObject } from "./write.ts";

const scaleType = () => typeByName("autoscaling/v1.Scale");

export async function scale(call: Call): Promise<ApiResponse> {
  const { info, endpoint } = call;
  const custom = endpoint.custom?.scale && customScale(endpoint, endpoint.custom.scale);
  if (info.verb === "get") {
    const object = (await read(call, true)).object();
    return respondScale(call, custom ? custom.shown(object) : scaleOf(object));
  }
  const patchType = info.verb === "patch" ? patchTypeOf(call) : undefined;
  const options = writeOptions(call, patchType ? "PatchOptions" : "UpdateOptions", patchType);
  const given = patchType ? undefined : await decodeTyped<Scale & KubeObject>(call, expected, options.fieldValidation).catch(custom ? unknownScale : undefined);
  const patch = patchType ? await readPatch(call, patchType) : undefined;
  if (given && given.metadata?.name !== info.name)
    throw badRequest(`the name of the object (${given.metadata?.name ?? ""}) does not match the name on the URL (${info.name})`);
  const outcome = await updateObject(call, {
    options,
    ...(custom && given?.metadata?.uid ? { uid: given.metadata.uid } : {}),
    mayCreate: false,
    tracked: true,
    attempts: 6,
    async next(old) {
      const object = deepCopy(old) as Scalable;
      const before = custom ? custom.scaleOf(object, true) : scaleOf(object);
      const { managedFields } = object.metadata;
      before.metadata.managedFields = scaleEntries(managedFields, endpoint.apiVersion, custom?.paths);
      if (!before.metadata.managedFields.length) delete before.metadata.managedFields;
      const wanted = deepCopy(given) ?? ((await patchedScale(call, before, patch as Patch, options, custom)) as unknown as Scale & KubeObject);
      const operation = { manager: options.manager, apiVersion: "autoscaling/v1", subresource: "scale", time: formatTime(call.rest.clock.now()) };
      const tracked = patch?.apply
        ? wanted
        : (trackUpdate(scaleType(), before as unknown as JSONObject, wanted as unknown as JSONObject, operation) as unknown as Scale);
      const { resourceVersion, uid } = wanted.metadata ?? {};
      const replicas = wanted.spec?.replicas ?? 0;
      // Judged as that of any other update.
      if (resourceVersion) object.metadata.resourceVersion = resourceVersion;
      if (custom) {
        custom.setReplicas(object, replicas);
        object.metadata.managedFields = parentEntries(managedFields, tracked.metadata.managedFields, endpoint.apiVersion, custom.paths);
        return object;
      }
      if (replicas < 0) throw invalid("Scale.autoscaling", info.name, [invalidValue(path("spec", "replicas"), replicas, "must be greater than or equal to 0")]);
      if (uid && uid !== object.metadata.uid)
        throw conflict(endpoint.groupResource, info.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`);
      object.spec.replicas = replicas;
      object.metadata.managedFields = parentEntries(managedFields, tracked.metadata.managedFields, endpoint.apiVersion);
      return object;
    },
  });
  const written = outcome.stored?.object() ?? outcome.object;
  return respondScale(call, custom ? custom.scaleOf(written) : scaleOf(written));
}

/** The scheme of custom resources knows no Scale: whatever is wrong with one, this is what upstream says. */
function unknownScale(error: unknown): never {
  const { code, message = "" } = error instanceof StatusError ? error.status : {};
  if (code !== 400 || message.startsWith("the API version in the data")) throw error;
  throw badRequest('no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"');
}

const expected = {
  kind: "Scale",
  apiVersion: "autoscaling/v1",
  get type() {
    return scaleType();
  },
};

const columns: TableColumn[] = [
  { name: "Name", type: "string", priority: 0 },
  { name: "Desired", type: "integer", priority: 0 },
  { name: "Available", type: "integer", priority: 0 },
  { name: "Age", type: "string", priority: 0 },
];

function cells(object: KubeObject, now: number): unknown[] {
  const { spec, status, metadata } = object as unknown as Scale;
  return [metadata.name, spec?.replicas ?? 0, status?.replicas ?? 0, ageOf(object, now)];
}

/** The same request about the Scale, as if that were what is stored. */
function aboutScale(call: Call): Call {
  const { endpoint } = call;
  const type = scaleType();
  const { conversion: _conversion, custom, versions: _versions, converter: _converter, ...bare } = endpoint;
  const { storageVersion: _storageVersion, ...own } = endpoint.def;
  const shown = custom ? scaleColumns(cells) : { columns, cells };
  const def = { ...own, group: "autoscaling", version: "v1", kind: "Scale", columns: shown.columns };
  const kind = { resource: "scales", cells: shown.cells };
  const hubKind = { ...endpoint.hubKind, cells: shown.cells };
  return { ...call, endpoint: { ...bare, type, hubType: type, apiVersion: "autoscaling/v1", def, kind, hubKind } };
}

const respondScale = (call: Call, scale: Scale): ApiResponse => respondKube(aboutScale(call), 200, scale as unknown as KubeObject);

function patchedScale(call: Call, scale: Scale, patch: Patch, options: WriteOptions, custom?: CustomScale): KubeObject | Promise<KubeObject> {
  const asScale = aboutScale(call);
  const old = scale as unknown as KubeObject;
  return patch.apply ? applyTo(asScale, old, patch.apply, options, custom?.refusals(patch.apply.object)) : patched(asScale, old, patch, options);
}
