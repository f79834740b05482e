/**
 * resource.k8s.io/v1beta1 has what a device is in `basic`, and the one exact request of a claim directly in the request; its
 * defaults look at what it has (pkg/apis/resource/v1beta1/{conversion,defaults}.go).
 */
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Conversion } from "../rest/call.ts";
import { completeObject } from "../rest/wire.ts";

const v1 = "resource.k8s.io/v1";
const v1beta1 = "resource.k8s.io/v1beta1";
type Loose = Record<string, unknown>;

const exactFields = ["deviceClassName", "selectors", "allocationMode", "count", "adminAccess", "tolerations", "capacity"] as const;
/** What of a request says that it is an exact one (hasAnyMainRequestFieldsSet). */
const isExact = (request: Loose): boolean =>
  Boolean(request.deviceClassName || request.allocationMode || request.count || request.adminAccess !== undefined || request.capacity) ||
  request.selectors !== undefined ||
  request.tolerations !== undefined;

function toExact(request: Loose): Loose {
  if (!isExact(request)) return { name: request.name, firstAvailable: request.firstAvailable };
  const exactly: Loose = Object.fromEntries(exactFields.map((field) => [field, request[field]]));
  exactly.tolerations = (request.tolerations as Loose[] | undefined)?.map((toleration) => ({ ...toleration, operator: toleration.operator || "Equal" }));
  if (exactly.deviceClassName && !exactly.allocationMode) exactly.allocationMode = "ExactCount";
  if (exactly.deviceClassName && exactly.allocationMode === "ExactCount" && !exactly.count) exactly.count = 1;
  return { name: request.name, exactly, firstAvailable: request.firstAvailable };
}
function fromExact({ exactly, ...rest }: Loose): Loose {
  return { ...rest, ...(exactly as Loose | undefined) };
}
function toDevice({ basic, name }: Loose): Loose {
  const inner = { ...(basic as Loose | undefined) };
  for (const field of ["attributes", "capacity"]) if (inner[field] && Object.keys(inner[field] as object).length === 0) delete inner[field];
  return { name, ...inner };
}
const fromDevice = ({ name, ...basic }: Loose): Loose => ({ name, basic });

/** With what `change` makes of the list at `path`; `object` stays as it is. */
function within(object: Loose, path: readonly string[], change: (item: Loose) => Loose): Loose {
  const [field = "", ...rest] = path;
  const value = object[field] as Loose | Loose[] | undefined;
  if (value === undefined) return object;
  return { ...object, [field]: Array.isArray(value) ? value.map(change) : within(value, rest, change) };
}

/** `complete` fills in what Go always writes. */
function conversion(kind: string, to: (object: Loose) => Loose, from: (object: Loose) => Loose): Conversion {
  return {
    toHub: (object) => completeObject(v1, kind, { ...to(object as unknown as Loose), apiVersion: v1, kind } as unknown as JSONObject) as KubeObject,
    fromHub: (object) =>
      completeObject(v1beta1, kind, { ...from(object as unknown as Loose), apiVersion: v1beta1, kind } as unknown as JSONObject) as KubeObject,
  };
}

const requests = ["devices", "requests"];
export const resourceClaimsV1beta1 = conversion(
  "ResourceClaim",
  (claim) => within(claim, ["spec", ...requests], toExact),
  (claim) => within(claim, ["spec", ...requests], fromExact),
);
export const resourceClaimTemplatesV1beta1 = conversion(
  "ResourceClaimTemplate",
  (template) => within(template, ["spec", "spec", ...requests], toExact),
  (template) => within(template, ["spec", "spec", ...requests], fromExact),
);

export const resourceSlicesV1beta1 = conversion(
  "ResourceSlice",
  (slice) => {
    const { nodeName, allNodes, ...spec } = slice.spec as Loose;
    const named = { ...spec, ...(nodeName ? { nodeName } : {}), ...(allNodes ? { allNodes } : {}) };
    return within({ ...slice, spec: named }, ["spec", "devices"], toDevice);
  },
  (slice) => within(slice, ["spec", "devices"], fromDevice),
);
