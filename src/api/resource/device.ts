/** Devices of a slice (pkg/apis/resource/validation, validateDevice). */
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateLabelName } from "../meta/labels.ts";
import { internalForm } from "../core/internal-types.ts";
import { semanticEqual } from "../core/semantic.ts";
import { validateNodeSelector } from "../core/node-affinity.ts";
import { duplicate, type FieldError, invalidValue, type Path, required, tooLong } from "../field.ts";
import type { Device, DeviceAttribute, DeviceCounterConsumption } from "../types/resource-v1.gen.ts";
import { validateMap, validateSet, validateSlice } from "./collections.ts";
import { validateCapacity } from "./device-capacity.ts";
import { validateLabel, validateQualified } from "./device-names.ts";
import { validateDeviceTaint } from "./device-taint.ts";

const maxAttributesAndCapacities = 32;
const maxAttributeValues = 48;
const maxKey = 63 + 1 + 32;
const maxValue = 64;
const maxTaints = 16;
const maxConsumptions = 2;
export const maxCounters = 32;
const maxConditions = 4;

const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

export const validateNodeName = (name: string, at: Path): FieldError[] => nameIsDNSSubdomain(name, false).map((message) => invalidValue(at, name, message));

const validateText = (text: string, at: Path): FieldError[] => (Buffer.byteLength(text) > maxValue ? [tooLong(at, maxValue)] : []);
function validateAttribute(attribute: DeviceAttribute, at: Path): FieldError[] {
  const { string, version } = attribute;
  const errors = string === undefined ? [] : validateText(string, at.child("string"));
  if (version !== undefined) {
    const here = at.child("version");
    if (!semver.test(version)) errors.push(invalidValue(here, version, "must be a string compatible with semver.org spec 2.0.0"));
    errors.push(...validateText(version, here));
  }
  const given = Object.values(attribute).filter((value) => value !== undefined).length;
  if (given !== 1) errors.push(invalidValue(at, given === 0 ? "" : internalForm("DeviceAttribute", attribute), "exactly one value must be specified"));
  return errors;
}

export const anyCounter = (): FieldError[] => [];
function validateConsumption({ counterSet, counters = {} }: DeviceCounterConsumption, at: Path): FieldError[] {
  const name = at.child("counterSet");
  const here = at.child("counters");
  return [
    ...(counterSet ? validateLabel(counterSet, name) : [required(name)]),
    ...(Object.keys(counters).length ? validateMap(counters, maxCounters, 63, validateLabel, anyCounter, here) : [required(here)]),
  ];
}

type Conditions = Pick<Device, "bindingConditions" | "bindingFailureConditions">;
/** What has to become true before a pod is bound, and what must not. */
export function validateBindingConditions({ bindingConditions, bindingFailureConditions }: Conditions, at: Path): FieldError[] {
  const [conditions, failures] = [bindingConditions ?? [], bindingFailureConditions ?? []];
  const [here, there] = [at.child("bindingConditions"), at.child("bindingFailureConditions")];
  const errors = [...validateSlice(conditions, maxConditions, validateLabelName, here), ...validateSlice(failures, maxConditions, validateLabelName, there)];
  const known = new Set<string>();
  for (const [i, condition] of conditions.entries()) {
    if (known.has(condition)) errors.push(duplicate(here.index(i), condition));
    known.add(condition);
  }
  const seen = new Set<string>();
  for (const [i, failure] of failures.entries()) {
    if (seen.has(failure)) errors.push(duplicate(there.index(i), failure));
    seen.add(failure);
    if (known.has(failure)) errors.push(invalidValue(there.index(i), failure, "bindingFailureConditions must not overlap with bindingConditions"));
  }
  if (!conditions.length && failures.length)
    errors.push(invalidValue(here, bindingConditions ?? null, "bindingConditions are required to use bindingFailureConditions"));
  if (!failures.length && conditions.length)
    errors.push(invalidValue(there, bindingFailureConditions ?? null, "bindingFailureConditions are required to use bindingConditions"));
  return errors;
}

const oneOf = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
function validateNodes({ nodeName, nodeSelector, allNodes }: Device, perDevice: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return [];
    const why = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    return [invalidValue(at, null, why)];
  }
  const set: string[] = [];
  if (nodeName) {
    set.push("`nodeName`");
    errors.push(...validateNodeName(nodeName, at.child("nodeName")));
  } else if (nodeName !== undefined) errors.push(invalidValue(at.child("nodeName"), nodeName, "must not be empty"));
  if (nodeSelector) {
    set.push("`nodeSelector`");
    errors.push(...validateNodeSelector(nodeSelector, false, at.child("nodeSelector")));
  }
  if (allNodes) set.push("`allNodes`");
  else if (allNodes !== undefined) errors.push(invalidValue(at.child("allNodes"), allNodes, "must be either unset or set to true"));
  if (set.length === 0) errors.push(required(at, oneOf));
  else if (set.length > 1) errors.push(invalidValue(at, `{${set.join(", ")}}`, oneOf));
  return errors;
}

export function validateDevice(device: Device, old: Device | undefined, perDevice: boolean, at: Path): FieldError[] {
  const { attributes = {}, capacity = {}, taints } = device;
  const errors = validateLabel(device.name, at.child("name"));
  const entries = Object.keys(attributes).length + Object.keys(capacity).length;
  if (entries > maxAttributesAndCapacities)
    errors.push(invalidValue(at, entries, `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`));
  const values = Object.keys(attributes).length;
  if (values > maxAttributeValues) errors.push(invalidValue(at, values, `the total number of attribute values must not exceed ${maxAttributeValues}`));
  errors.push(
    ...validateMap(attributes, Number.POSITIVE_INFINITY, maxKey, validateQualified, validateAttribute, at.child("attributes")),
    ...validateMap(
      capacity,
      Number.POSITIVE_INFINITY,
      maxKey,
      validateQualified,
      (one, here) => validateCapacity(one, device.allowMultipleAllocations ?? false, here),
      at.child("capacity"),
    ),
  );
  if (!old || !semanticEqual(old.taints, taints)) errors.push(...validateSlice(taints, maxTaints, validateDeviceTaint, at.child("taints")));
  errors.push(
    ...validateSet(device.consumesCounters, maxConsumptions, validateConsumption, ({ counterSet }) => counterSet, at.child("consumesCounters")),
    ...validateNodes(device, perDevice, at),
    ...validateBindingConditions(device, at),
  );
  return errors;
}
