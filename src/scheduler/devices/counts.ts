/** How many devices of a class nodes have, for scores (pkg/scheduler/framework/plugins/noderesources, calculateDRAResourceTotals). */
import type { Device, DeviceClass, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import type { DeviceBinder } from "../framework/device-plan.ts";
import type { NodeFacts } from "../framework/node-selector.ts";
import { deviceId, reachedFrom } from "./pools.ts";
import { meets } from "./wanted.ts";

export interface DeviceCounts {
  readonly all: number;
  /** Of these, those that claims hold. */
  readonly used: number;
}
const unknown: DeviceCounts = { all: 0, used: 0 };

/** Answers for one node after another. Every slice counts, also one that a newer has replaced; where a selector fails, none does. */
export function deviceCounts(of: DeviceClass, { slices, inUse }: Pick<DeviceBinder, "slices" | "inUse">): (node: NodeFacts) => DeviceCounts {
  const ofNode = new Map<string, ResourceSlice[]>();
  const others: ResourceSlice[] = [];
  for (const slice of slices()) {
    const { nodeName } = slice.spec;
    const list = nodeName === undefined ? others : ofNode.get(nodeName);
    if (list) list.push(slice);
    else ofNode.set(nodeName as string, [slice]);
  }
  const { whole, shared } = inUse();
  const known = new Map<Device, boolean>();
  const takes = (slice: ResourceSlice, device: Device): boolean => {
    let answer = known.get(device);
    if (answer === undefined) {
      answer = meets(of.spec.selectors, device, slice.spec.driver, `class ${of.metadata.name}`);
      known.set(device, answer);
    }
    return answer;
  };
  return (node) => {
    let all = 0;
    let used = 0;
    try {
      for (const slice of [...(ofNode.get(node.name) ?? []), ...others]) {
        const { perDeviceNodeSelection, devices = [] } = slice.spec;
        if (!perDeviceNodeSelection && !reachedFrom(node, slice.spec)) continue;
        for (const device of devices) {
          if ((perDeviceNodeSelection && !reachedFrom(node, device)) || !takes(slice, device)) continue;
          const id = deviceId(slice, device);
          all++;
          if (whole.has(id) || shared.has(id)) used++;
        }
      }
    } catch {
      return unknown;
    }
    return { all, used };
  };
}
