/** How the messages of a type are found in their JSON and written: made once for each type, for protobuf-from-json.ts. */
import { type Field, isOptionalTime, type TypeDef, typeByName } from "../schema/schema.ts";
import { slotOf, valueOfType } from "./protobuf.ts";
import type { Value } from "./protobuf-values.ts";
import { ProtoWriter } from "./protobuf-wire.ts";
import { unions } from "./scalars.ts";
import { table } from "../../base/table.ts";

/** What has one place in a message's frame: two numbers, zero where the text has nothing or null. */
export interface Slot {
  number: number;
  /** Position in the frame. */
  at: number;
  form: "one" | "list" | "map" | "embedded";
  item: Item;
  /** What is written where the text has nothing. */
  absent?: Uint8Array;
}
/** How a value is noted and written. Numbers noted: of texts and others where they begin and end, of messages their frame. */
export interface Item {
  form: "text" | "quantity" | "raw" | "bool" | "integer" | "time" | "message" | "value";
  /** Writes what has no way of its own here. */
  value: Value;
  type?: TypeDef;
  /** null is a value that is written. */
  nullable?: boolean;
  /** Types may contain themselves: made when the first message is met. */
  plan?: Plan;
}
export interface Entry {
  /** `"name":` */
  opening: Uint8Array;
  slot: Slot;
  /** What followed it last time. */
  next?: Entry;
}
export interface Plan {
  /** Numbers in a frame. */
  size: number;
  first?: Entry;
  entries: Map<string, Entry>;
  /** In descending order of their numbers. */
  slots: Slot[];
  /** Of a message in the JSON of another: it may be left out. */
  pointer?: boolean;
}

const plans = new Map<TypeDef, Plan>();

export function planOf(type: TypeDef): Plan {
  let plan = plans.get(type);
  if (!plan) {
    plan = { size: 0, entries: new Map(), slots: [] };
    plans.set(type, plan);
    lay(type, plan, plan);
  }
  return plan;
}

/** Gives each field a place in the frame of `root`, of whose JSON the message is a part. */
function lay(type: TypeDef, plan: Plan, root: Plan): void {
  for (const field of type.fields) {
    if (field.number === undefined) continue;
    const slot = slotFor(field, root);
    plan.slots.push(slot);
    if (slot.form === "embedded") continue;
    root.entries.set(field.name, { opening: Buffer.from(`${JSON.stringify(field.name)}:`), slot });
  }
  plan.slots.sort((a, b) => b.number - a.number);
}

function slotFor(field: Field, root: Plan): Slot {
  const number = field.number as number;
  const pointer = field.type.startsWith("*");
  const type = pointer ? field.type.slice(1) : field.type;
  const at = root.size;
  root.size += 2;
  if (field.inline) {
    const plan: Plan = { size: 0, entries: root.entries, slots: [], pointer };
    lay(typeByName(type), plan, root);
    return { number, at, form: "embedded", item: { ...generic(type), plan } };
  }
  if (type.startsWith("[]") && field.go !== "v1.Verbs") return { number, at, form: "list", item: itemOf(type.slice(2)) };
  if (type.startsWith("map[string]")) return { number, at, form: "map", item: itemOf(type.slice(11)) };
  const slot: Slot = { number, at, form: "one", item: itemOf(type) };
  if (isOptionalTime(field.type)) slot.item.nullable = true;
  if (pointer || type === "bytes") return slot;
  const writer = new ProtoWriter(64);
  slotOf(field).write(writer, {});
  return { ...slot, absent: writer.finish() };
}

const generic = (type: string): Item => ({ form: "value", value: valueOfType(type) });
const forms = table<Item["form"]>({
  string: "text",
  Quantity: "quantity",
  RawExtension: "raw",
  FieldsV1: "raw",
  JSON: "raw",
  bool: "bool",
  Time: "time",
  int32: "integer",
  int: "integer",
  int64: "integer",
});
const wholly = new Set(["uint8", "uint32", "uint64", "float64", "bytes", "MicroTime", "IntOrString"]);

function itemOf(type: string): Item {
  const form = forms[type];
  if (form) return { ...generic(type), form };
  if (wholly.has(type) || unions.has(type) || type.startsWith("[]")) return generic(type);
  return { ...generic(type), form: "message", type: typeByName(type) };
}

export function planOfItem(item: Item): Plan {
  item.plan ??= planOf(item.type as TypeDef);
  return item.plan;
}
