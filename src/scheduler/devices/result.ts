/** What is written into a claim for the devices that were chosen. */
import type { NodeSelector, NodeSelectorRequirement } from "../../api/types/core-v1.gen.ts";
import type { AllocationResult, DeviceAllocationConfiguration, DeviceRequestAllocationResult, ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import type { Choice } from "./attempt.ts";
import { nameOf, type Wanted } from "./wanted.ts";

function deviceResult({ wanted, slice, device, share }: Choice): DeviceRequestAllocationResult {
  const { bindingConditions, bindingFailureConditions } = device;
  return {
    request: nameOf(wanted),
    driver: slice.spec.driver,
    pool: slice.spec.pool.name,
    device: device.name,
    ...(wanted.adminAccess ? { adminAccess: true } : {}),
    ...(wanted.tolerations?.length ? { tolerations: wanted.tolerations } : {}),
    ...(bindingConditions?.length ? { bindingConditions } : {}),
    ...(bindingFailureConditions?.length ? { bindingFailureConditions } : {}),
    ...(share ? { shareID: share.id } : {}),
    ...(share?.consumed.size ? { consumedCapacity: Object.fromEntries([...share.consumed].map(([name, amount]) => [name, String(amount)])) } : {}),
  };
}

/** Those of the classes come first, each once for all requests of its class. */
function configsOf(claim: ResourceClaim, wanted: readonly Wanted[]): DeviceAllocationConfiguration[] {
  const byClass = new Map<string, Wanted[]>();
  for (const one of wanted) {
    const list = byClass.get(one.class.metadata.name);
    if (list) list.push(one);
    else byClass.set(one.class.metadata.name, [one]);
  }
  const ofClasses = [...byClass.values()].flatMap((list) =>
    (list[0]?.class.spec.config ?? []).map((config) => ({ source: "FromClass", requests: list.map(nameOf), ...config })),
  );
  const ofClaim = (claim.spec.devices.config ?? []).flatMap((config) => {
    const { requests = [] } = config;
    const times = requests.length ? wanted.filter((one) => requests.includes(one.request) || requests.includes(nameOf(one))).length : 1;
    return Array.from({ length: times }, () => ({ source: "FromClaim", ...config }));
  });
  return [...ofClasses, ...ofClaim];
}

function sameRequirement(a: NodeSelectorRequirement, b: NodeSelectorRequirement): boolean {
  const [x, y] = [new Set(a.values), new Set(b.values)];
  return a.key === b.key && a.operator === b.operator && x.size === y.size && x.isSubsetOf(y);
}

/** From where all the devices can be reached; undefined: from everywhere. */
function selectorOf(chosen: readonly Choice[], node: string): NodeSelector | undefined {
  const fields: NodeSelectorRequirement[] = [];
  const expressions: NodeSelectorRequirement[] = [];
  const add = (from: readonly NodeSelectorRequirement[] | undefined, to: NodeSelectorRequirement[]): void => {
    for (const one of from ?? []) if (!to.some((known) => sameRequirement(known, one))) to.push(one);
  };
  for (const { slice, device } of chosen) {
    const { nodeName, nodeSelector } = slice.spec.perDeviceNodeSelection ? device : slice.spec;
    if (nodeName !== undefined || device.bindsToNode) {
      return { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] }] };
    }
    const terms = nodeSelector?.nodeSelectorTerms ?? [];
    if (terms.length > 1) throw new Error(`unsupported ResourceSlice.NodeSelector with ${terms.length} terms`);
    add(terms[0]?.matchFields, fields);
    add(terms[0]?.matchExpressions, expressions);
  }
  if (!fields.length && !expressions.length) return undefined;
  const term = { ...(expressions.length ? { matchExpressions: expressions } : {}), ...(fields.length ? { matchFields: fields } : {}) };
  return { nodeSelectorTerms: [term] };
}

export function resultOf(claim: ResourceClaim, chosen: readonly Choice[], wanted: readonly Wanted[], node: string): AllocationResult {
  const config = configsOf(claim, wanted);
  const nodeSelector = selectorOf(chosen, node);
  return {
    devices: { ...(chosen.length ? { results: chosen.map(deviceResult) } : {}), ...(config.length ? { config } : {}) },
    ...(nodeSelector ? { nodeSelector } : {}),
  };
}
