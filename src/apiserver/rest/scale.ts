/**
 * The scale subresource: autoscaling/v1 Scale over spec.replicas (pkg/registry/apps/deployment/storage). It goes the way of all
 * objects, and what came of it is put into what is stored.
 */
import { parentEntries, scaleEntries } from "../../api/apply/scale-fields.ts";
import { validateMetadata } from "../../api/core/object-meta.ts";
import { deepCopy } from "../../api/copy.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import { invalidValue, path } from "../../api/field.ts";
import { nameIsDNSSubdomain } from "../../api/meta/names.ts";
import type { KubeObject } from "../../api/object.ts";
import { type TableColumn, typeByName } from "../../api/schema/schema.ts";
import { badRequest, conflict, invalid, StatusError } from "../../api/status.ts";
import type { Scale } from "../../api/types/autoscaling-v1.gen.ts";
import type { Call } from "./call.ts";
import { customScale, scaleColumns } from "./custom-scale.ts";
import { decodeObject } from "./decode.ts";
import { readAsAsked } from "./get.ts";
import { patchVerb } from "./patch.ts";
import { respondKube } from "./respond.ts";
import { type Scalable, scaleOf } from "./scale-of.ts";
import type { StandIn } from "./stand-in.ts";
import { ageOf } from "./table.ts";
import { update } from "./update.ts";

export async function scale(call: Call): Promise<ApiResponse> {
  const { info, endpoint } = call;
  if (info.verb === "patch") return patchVerb(call, standIn(call));
  if (info.verb === "update") return update(call, standIn(call));
  const object = (await readAsAsked(call)).object();
  const custom = endpoint.custom?.scale && customScale(endpoint, endpoint.custom.scale);
  return respondScale(aboutScale(call), custom ? custom.shown(object) : scaleOf(object));
}

function standIn(call: Call): StandIn {
  const { endpoint, info } = call;
  const about = aboutScale(call);
  const custom = endpoint.custom?.scale && customScale(endpoint, endpoint.custom.scale);
  return {
    call: about,
    async decode(validation) {
      try {
        return await decodeObject(about, validation);
      } catch (error) {
        throw custom ? unknownScale(error) : error;
      }
    },
    of(stored) {
      const made = custom ? custom.scaleOf(stored, true) : scaleOf(stored);
      const managed = scaleEntries(stored.metadata.managedFields, endpoint.apiVersion, custom?.paths);
      if (managed.length) made.metadata.managedFields = managed;
      return made as unknown as KubeObject;
    },
    into(stored, made) {
      const { metadata, spec } = made as KubeObject & Scale;
      const replicas = spec?.replicas ?? 0;
      const object = deepCopy(stored) as Scalable;
      if (custom) custom.setReplicas(object, replicas);
      else {
        validateScale(info.name, metadata, replicas);
        checkUid(call, metadata.uid, stored.metadata.uid);
        object.spec.replicas = replicas;
      }
      // Judged as that of any other update.
      if (metadata.resourceVersion) object.metadata.resourceVersion = metadata.resourceVersion;
      object.metadata.managedFields = parentEntries(stored.metadata.managedFields, metadata.managedFields, endpoint.apiVersion, custom?.paths);
      return object;
    },
    ...(custom ? { refusals: custom.refusals } : {}),
    respond({ stored, object }) {
      const written = stored?.object() ?? object;
      return respondScale(about, custom ? custom.scaleOf(written) : scaleOf(written));
    },
  };
}

/** Throws 422. */
function validateScale(name: string, metadata: KubeObject["metadata"], replicas: number): void {
  const errors = validateMetadata(metadata, { namespaced: true, validateName: nameIsDNSSubdomain });
  if (replicas < 0) errors.push(invalidValue(path("spec", "replicas"), replicas, "must be greater than or equal to 0"));
  if (errors.length) throw invalid("Scale.autoscaling", name, errors);
}

/** Of what a patch says; what is put has been compared by then. */
function checkUid({ endpoint, info }: Call, wanted: string | undefined, found: string): void {
  if (!wanted || wanted === found) return;
  const { group, resource } = endpoint.def;
  const why = `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`;
  throw conflict(`${resource}/scale${group ? `.${group}` : ""}`, info.name, why);
}

/** The scheme of custom resources knows no Scale: whatever is wrong with one, this is what upstream says. */
function unknownScale(error: unknown): unknown {
  const { code, message = "" } = error instanceof StatusError ? error.status : {};
  if (code !== 400 || message.startsWith("the API version in the data")) return error;
  return badRequest('no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"');
}

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
  const type = typeByName("autoscaling/v1.Scale");
  const { conversion: _conversion, custom, versions: _versions, converter: _converter, ...bare } = endpoint;
  const { storageVersion: _storageVersion, ...own } = endpoint.def;
  const shown = custom ? scaleColumns(cells) : { columns, cells };
  const def = { ...own, group: "autoscaling", version: "v1", kind: "Scale", columns: shown.columns };
  const kind = { resource: "scales", cells: shown.cells };
  return { ...call, endpoint: { ...bare, type, hubType: type, apiVersion: "autoscaling/v1", def, kind, hubKind: kind } };
}

const respondScale = (about: Call, scale: Scale): ApiResponse => respondKube(about, 200, scale as unknown as KubeObject);
