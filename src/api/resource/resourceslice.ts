/** ResourceSlices (pkg/registry/resource/resourceslice). */
import { internalForm } from "../core/internal-types.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { validateNodeSelector } from "../core/node-affinity.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidNamed, invalidValue, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateImmutableField } from "../meta/validation.ts";
import { formatTime } from "../time.ts";
import type { CounterSet, ResourceSlice, ResourceSliceSpec } from "../types/resource-v1.gen.ts";
import { validateMap, validateSet } from "./collections.ts";
import { anyCounter, maxCounters, validateDevice, validateNodeName } from "./device.ts";
import { validateDriver, validateLabel, validatePoolName } from "./device-names.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec");
const maxDevices = 128;
/** With taints or counters. */
const maxAdvancedDevices = 64;
const maxCounterSets = 8;
const oneOf = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

function validatePool({ pool, driver, nodeName }: ResourceSliceSpec, old: ResourceSliceSpec | undefined): FieldError[] {
  const here = at.child("pool");
  const { name = "", resourceSliceCount = 0, generation = 0 } = pool ?? {};
  const errors = [...validateDriver(driver, at.child("driver")), ...validatePoolName(name, here.child("name"))];
  if (resourceSliceCount <= 0) errors.push(invalidValue(here.child("resourceSliceCount"), resourceSliceCount, "must be greater than zero"));
  if (generation < 0) errors.push(invalidValue(here.child("generation"), generation, "must be greater than or equal to zero"));
  if (!old) return errors;
  return [
    ...errors,
    ...validateImmutableField(name, old.pool.name, here.child("name")),
    ...validateImmutableField(driver, old.driver, at.child("driver")),
    ...(nodeName === old.nodeName ? [] : [invalidNamed(at.child("nodeName"), nodeName, "field is immutable")]),
  ];
}

function validateNodes({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection }: ResourceSliceSpec): FieldError[] {
  const set: string[] = [];
  const errors: FieldError[] = [];
  if (nodeName) {
    set.push("`nodeName`");
    errors.push(...validateNodeName(nodeName, at.child("nodeName")));
  } else if (nodeName !== undefined) errors.push(invalidValue(at.child("nodeName"), nodeName, "must be either unset or set to a non-empty string"));
  if (nodeSelector) {
    set.push("`nodeSelector`");
    errors.push(...validateNodeSelector(nodeSelector, false, at.child("nodeSelector")));
    const terms = nodeSelector.nodeSelectorTerms;
    const shown = terms?.map((term) => internalForm("NodeSelectorTerm", term));
    if (terms?.length !== 1) errors.push(invalidValue(at.child("nodeSelector", "nodeSelectorTerms"), shown, "must have exactly one node selector term"));
  }
  for (const [field, value] of Object.entries({ allNodes, perDeviceNodeSelection })) {
    if (value) set.push(`\`${field}\``);
    else if (value !== undefined) errors.push(invalidValue(at.child(field), value, "must be either unset or set to true"));
  }
  if (set.length === 0) errors.push(required(at, oneOf));
  else if (set.length > 1) errors.push(invalidValue(at, `{${set.join(", ")}}`, `${oneOf}, but multiple fields are set`));
  return errors;
}

function validateCounterSet({ name, counters = {} }: CounterSet, here: typeof at): FieldError[] {
  const there = here.child("counters");
  return [
    ...(name ? validateLabel(name, here.child("name")) : [required(here.child("name"))]),
    ...(Object.keys(counters).length ? validateMap(counters, maxCounters, 63, validateLabel, anyCounter, there) : [required(there)]),
  ];
}

function validateSpec(spec: ResourceSliceSpec, old?: ResourceSliceSpec): FieldError[] {
  const { devices, sharedCounters, perDeviceNodeSelection = false } = spec;
  const errors = [...validatePool(spec, old), ...validateNodes(spec)];
  if (sharedCounters && devices) errors.push(invalidValue(at, "", "only one of `sharedCounters` or `devices` is allowed"));
  const advanced = devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  return [
    ...errors,
    ...validateSet(
      devices,
      advanced ? maxAdvancedDevices : maxDevices,
      (device, here) =>
        validateDevice(
          device,
          old?.devices?.find(({ name }) => name === device.name),
          perDeviceNodeSelection,
          here,
        ),
      ({ name }) => name,
      at.child("devices"),
    ),
    ...validateSet(sharedCounters, maxCounterSets, validateCounterSet, ({ name }) => name, at.child("sharedCounters")),
  ];
}

function warnings({ spec: { driver } }: ResourceSlice): string[] {
  if (driver === driver.toLowerCase()) return [];
  return [`spec.driver: driver names should be lowercase; ${goQuote(driver)} contains uppercase characters`];
}

/** Fields of features that v1.36 has switched off: lists as attributes, and devices that are made of a node's resources. */
function dropDisabled({ spec }: ResourceSlice, old?: ResourceSlice): void {
  const before = old?.spec.devices ?? [];
  const lists = ["ints", "bools", "strings", "versions"] as const;
  const hadLists = before.some(({ attributes = {} }) => Object.values(attributes).some((attribute) => lists.some((field) => attribute[field] !== undefined)));
  const hadMappings = before.some(({ nodeAllocatableResourceMappings }) => Object.keys(nodeAllocatableResourceMappings ?? {}).length > 0);
  for (const device of spec.devices ?? []) {
    if (!hadMappings) delete device.nodeAllocatableResourceMappings;
    if (!hadLists) for (const attribute of Object.values(device.attributes ?? {})) for (const field of lists) delete attribute[field];
  }
}

export const resourceSliceKind: Kind<ResourceSlice> = {
  resource: "resourceslices.resource.k8s.io",
  prepareForCreate(item, now = 0) {
    item.metadata.generation = 1;
    dropDisabled(item);
    stampTaints(item, now);
  },
  prepareForUpdate(item, old, now = 0) {
    stampTaints(item, now);
    if (!semanticEqual(item.spec, old.spec)) item.metadata.generation = (old.metadata.generation ?? 0) + 1;
    dropDisabled(item, old);
  },
  validate: (item) => [...validateMetadata(item.metadata, rules), ...validateSpec(item.spec)],
  validateUpdate: (item, old) => [...validateMetadataUpdate(item.metadata, old.metadata), ...validateSpec(item.spec, old.spec)],
  warnings,
  warningsOnUpdate: warnings,
  fields: ({ spec }) => ({ "spec.nodeName": spec.nodeName ?? "", "spec.driver": spec.driver }),
  cells: (item, now) => [item.metadata.name, item.spec.nodeName ?? "", item.spec.driver, item.spec.pool?.name ?? "", age(item, now)],
};

/** Upstream's default of `timeAdded`, which needs the time. */
function stampTaints({ spec }: ResourceSlice, now: number): void {
  for (const { taints = [] } of spec.devices ?? []) for (const taint of taints) taint.timeAdded ??= formatTime(now);
}
