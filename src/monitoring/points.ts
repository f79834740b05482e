/** What a kubelet's `/metrics/resource` says at one moment (KEP-1209), in Prometheus' text format. Pure. */
import { table } from "../base/table.ts";

/** Of a node or of a container. */
export interface Point {
  /** Milliseconds since the epoch; 0 where nobody says. */
  start: number;
  /** When it was measured. */
  time: number;
  /** Nanoseconds of processor time since the start. */
  cpu: number;
  /** Bytes. */
  memory: number;
  swap?: number;
}

export interface NodePoints {
  node?: Point;
  /** By `namespace/name`, then by container. */
  pods: Map<string, Map<string, Point>>;
}

type Field = "cpu" | "memory" | "swap" | "start";
const fields = table<[of: "node" | "container", field: Field]>({
  node_cpu_usage_seconds_total: ["node", "cpu"],
  node_memory_working_set_bytes: ["node", "memory"],
  node_swap_usage_bytes: ["node", "swap"],
  container_cpu_usage_seconds_total: ["container", "cpu"],
  container_memory_working_set_bytes: ["container", "memory"],
  container_swap_usage_bytes: ["container", "swap"],
  container_start_time_seconds: ["container", "start"],
});

type Draft = Partial<Point>;

/** A point lacks nothing that usage is computed from. */
function complete(draft: Draft | undefined): Point | undefined {
  if (draft?.cpu === undefined || draft.memory === undefined || draft.time === undefined) return undefined;
  return { start: draft.start ?? 0, time: draft.time, cpu: draft.cpu, memory: draft.memory, ...(draft.swap === undefined ? {} : { swap: draft.swap }) };
}

function set(draft: Draft, field: Field, value: number, time: number): void {
  if (field === "start") draft.start = value * 1000;
  else if (field === "cpu") {
    draft.cpu = value * 1e9;
    // Both are measured at about the same time; the rate needs the one of the processor.
    draft.time = time;
  } else draft[field] = value;
}

const line = /^(\w+)(?:\{([^}]*)\})? (\S+)(?: (\d+))?$/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** `now`: the time of what bears none. A pod is left out whole where one of its containers lacks a value. */
export function parseResourceMetrics(text: string, now: number): NodePoints {
  const node: Draft = {};
  const drafts = new Map<string, Map<string, Draft>>();
  for (const one of text.split("\n")) {
    if (one === "" || one.startsWith("#")) continue;
    const [, name = "", labels = "", value, timestamp] = line.exec(one) ?? [];
    const [of, field] = fields[name] ?? [];
    const number = Number(value);
    if (!of || !field || !Number.isFinite(number)) continue;
    const time = timestamp ? Number(timestamp) : now;
    if (of === "node") {
      set(node, field, number, time);
      continue;
    }
    const found: Record<string, string> = Object.create(null);
    for (const [, key = "", of = ""] of labels.matchAll(label)) found[key] = of;
    const pod = `${found.namespace}/${found.pod}`;
    const containers = drafts.get(pod) ?? new Map<string, Draft>();
    drafts.set(pod, containers);
    const container = found.container ?? "";
    const draft = containers.get(container) ?? {};
    containers.set(container, draft);
    set(draft, field, number, time);
  }
  const pods: NodePoints["pods"] = new Map();
  for (const [pod, containers] of drafts) {
    const points = [...containers].map(([name, draft]) => [name, complete(draft)] as const);
    if (points.every((entry): entry is readonly [string, Point] => entry[1] !== undefined)) pods.set(pod, new Map(points));
  }
  const whole = complete(node);
  return { pods, ...(whole ? { node: whole } : {}) };
}
