/**
 * Kubernetes' protobuf: built-in types in the bytes that upstream's generated code writes (fields in ascending order,
 * values always, pointers where set, maps sorted), alone and in their `k8s\0` envelope.
 */
import { groupVersionOf, groupVersionText } from "../group-version.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { type Field, isOptionalTime, type TypeDef, typeByName } from "../schema/schema.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { compareBytes, put } from "./json.ts";
import { type Empties, normalize } from "./normalize.ts";
import { openEnvelope, sealEnvelope, unwrapEnvelope } from "./protobuf-envelope.ts";
import { handmade, scalarValues, type Value } from "./protobuf-values.ts";
import { expect, fieldNumber, ProtoReader, type ProtoWriter, wire } from "./protobuf-wire.ts";
import { shortName, unions } from "./scalars.ts";
import { zeroMicroTime, zeroTime } from "../time.ts";

/** In its envelope, as the API travels; kind and apiVersion are in the envelope only. `object` is normalised. */
export function encodeProtobuf(type: TypeDef, object: JSONObject, apiVersion: string, kind: string): Uint8Array {
  const writer = openEnvelope();
  messageOf(type).write(writer, object);
  return sealEnvelope(writer, apiVersion, kind);
}

/** `choose` gives the type for what the envelope says (both may be ""). Throws DecodeError. */
export function decodeProtobuf(bytes: Uint8Array, choose: (apiVersion: string, kind: string) => TypeDef | undefined, empties: Empties = "written"): JSONObject {
  const { apiVersion: said, kind, raw } = unwrapEnvelope(bytes);
  // Without a version it says nothing.
  const groupVersion = groupVersionOf(said);
  const apiVersion = groupVersion.version && groupVersionText(groupVersion);
  const type = choose(apiVersion, kind);
  if (!type) throw new DecodeError(`no kind "${kind}" is registered for version "${apiVersion}"`);
  const object = bounded(() => messageOf(type).read(new ProtoReader(raw, shortName(type.name))));
  if (kind && type.byName.has("kind")) object.kind = kind;
  if (apiVersion && type.byName.has("apiVersion")) object.apiVersion = apiVersion;
  return normalize(type, object, empties).object;
}

interface Message {
  write(writer: ProtoWriter, object: JSONObject): void;
  read(reader: ProtoReader, into?: JSONObject): JSONObject;
}
export interface Slot {
  number: number;
  write(writer: ProtoWriter, object: JSONObject): void;
  read(reader: ProtoReader, wireType: number, into: JSONObject): void;
}

const messages = new Map<TypeDef, Message>();

function messageOf(type: TypeDef): Message {
  let known = messages.get(type);
  if (!known) {
    known = compile(type);
    messages.set(type, known);
  }
  return known;
}

function compile(type: TypeDef): Message {
  let slots: Slot[] | undefined;
  let byNumber: Map<number, Slot> | undefined;
  // Types may contain themselves: fields are compiled when the first message is met.
  const prepare = (): Slot[] => {
    const made = type.fields.filter((f) => f.number !== undefined).map((f) => slotOf(f));
    slots = made.sort((a, b) => b.number - a.number);
    byNumber = new Map(slots.map((slot) => [slot.number, slot]));
    return slots;
  };
  return {
    write(writer, object) {
      for (const slot of slots ?? prepare()) slot.write(writer, object);
    },
    read(reader, object = {}) {
      if (!slots) prepare();
      while (!reader.done) {
        const tag = reader.tag();
        const slot = byNumber?.get(fieldNumber(tag));
        if (slot) slot.read(reader, tag & 7, object);
        else reader.skip(tag & 7);
      }
      return object;
    },
  };
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** How a field of a message is written and read. */
export function slotOf(field: Field): Slot {
  const number = field.number as number;
  const pointer = field.type.startsWith("*");
  const type = pointer ? field.type.slice(1) : field.type;
  // Metadata alone is embedded under a name of its own.
  const { name, goName = name === "metadata" ? shortName(type) : capital(name) } = field;
  if (field.inline) return embedded(number, pointer, type);
  // Verbs is a named list, which is a message of its own.
  if (type.startsWith("[]") && field.go !== "v1.Verbs") return repeated(number, field, valueOfType(type.slice(2)));
  if (type.startsWith("map[string]")) return mapped(number, field, type.slice(11));
  const value = valueOfType(type, field.go === "v1.Verbs" ? "Verbs" : undefined);
  const optional = pointer || type === "bytes";
  const isTime = isOptionalTime(field.type);
  return {
    number,
    write(writer, object) {
      const item = object[name];
      if (!optional || (item !== undefined && (item !== null || isTime))) value.write(writer, number, item);
    },
    read(reader, wireType, into) {
      expect(wireType, value.wire, goName);
      const item = value.read(reader, wireType, into[name]);
      into[name] = item === null && isTime ? (type === "Time" ? zeroTime : zeroMicroTime) : item;
    },
  };
}

/** In JSON its fields are the parent's; in protobuf it is a message of its own. */
function embedded(number: number, pointer: boolean, type: string): Slot {
  const message = messageOf(typeByName(type));
  const names = typeByName(type).flat.map((f) => f.name);
  return {
    number,
    write(writer, object) {
      if (pointer && !names.some((name) => object[name] !== undefined && object[name] !== null)) return;
      const end = writer.length;
      message.write(writer, object);
      writer.header(number, end);
    },
    read(reader, wireType, into) {
      expect(wireType, wire.bytes, shortName(type));
      message.read(reader.message(shortName(type)), into);
    },
  };
}

function repeated(number: number, { name, goName = capital(name) }: Pick<Field, "name" | "goName">, value: Value): Slot {
  return {
    number,
    write(writer, object) {
      const list = object[name];
      if (Array.isArray(list)) for (let i = list.length - 1; i >= 0; i--) value.write(writer, number, list[i]);
    },
    read(reader, wireType, into) {
      const list = (into[name] as JSONValue[] | undefined) ?? [];
      into[name] = list;
      if (wireType === wire.bytes && value.wire === wire.varint) {
        const packed = reader.message("");
        while (!packed.done) list.push(value.read(packed, wire.varint));
        return;
      }
      expect(wireType, value.wire, goName);
      list.push(value.read(reader, wireType));
    },
  };
}

function mapped(number: number, { name, goName = capital(name) }: Field, type: string): Slot {
  const value = valueOfType(type);
  return {
    number,
    write(writer, object) {
      const map = object[name];
      if (typeof map !== "object" || map === null || Array.isArray(map)) return;
      const keys = Object.keys(map).sort(compareBytes);
      for (let i = keys.length - 1; i >= 0; i--) {
        const key = keys[i] as string;
        const end = writer.length;
        if (type !== "bytes" || typeof map[key] === "string") value.write(writer, 2, map[key]);
        writer.string(1, key);
        writer.header(number, end);
      }
    },
    read(reader, wireType, into) {
      expect(wireType, wire.bytes, goName);
      const map = (into[name] as JSONObject | undefined) ?? {};
      into[name] = map;
      const entry = reader.message("");
      let key = "";
      let item: JSONValue = type.startsWith("[]") ? [] : null;
      while (!entry.done) {
        // Upstream goes by the number alone.
        const tag = entry.tag(false);
        if (fieldNumber(tag) === 1) key = entry.string();
        else if (fieldNumber(tag) === 2) item = value.read(entry, value.wire);
        else entry.skip(tag & 7);
      }
      put(map, key, item);
    },
  };
}

/** How a value of a type is written and read, as the types of fields are named in the schema. `named`: Go's name of a list that has one. */
export function valueOfType(type: string, named = "ExtraValue"): Value {
  const scalar = scalarValues[type];
  if (scalar) return scalar;
  if (unions.has(type)) return unionValue(type);
  if (type.startsWith("[]")) {
    // A named list, as the values of some maps are, is a message with the list as its field 1.
    const items = repeated(1, { name: "items" }, valueOfType(type.slice(2)));
    return handmade(
      named,
      (writer, value) => items.write(writer, { items: value ?? null }),
      (reader) => {
        const into: JSONObject = {};
        while (!reader.done) {
          const tag = reader.tag();
          if (fieldNumber(tag) === 1) items.read(reader, tag & 7, into);
          else reader.skip(tag & 7);
        }
        return (into.items as JSONValue | undefined) ?? [];
      },
    );
  }
  let message: Message | undefined;
  return handmade(
    shortName(type),
    (writer, value) => {
      message ??= messageOf(typeByName(type));
      message.write(writer, (value ?? {}) as JSONObject);
    },
    (reader, before) => {
      message ??= messageOf(typeByName(type));
      return message.read(reader, isMap(before) ? before : {});
    },
  );
}

/** Either a schema or something simpler: the message has a field for each, named by nothing but its number. */
function unionValue(type: string): Value {
  const defs = typeByName(type).fields;
  const slots = defs
    .map((field) => slotOf({ ...field, name: String(field.number), goName: field.goName ?? capital(field.name) }))
    .sort((a, b) => b.number - a.number);
  const schema = String(defs.find((field) => field.type.startsWith("*"))?.number);
  const other = String(defs.find((field) => !field.type.startsWith("*"))?.number);
  const bool = type.endsWith("OrBool");
  return handmade(
    shortName(type),
    (writer, value) => {
      const isSchema = isMap(value);
      const object: JSONObject = isSchema ? { [schema]: value, ...(bool ? { [other]: true } : {}) } : { [other]: value };
      for (const slot of slots) slot.write(writer, object);
    },
    (reader) => {
      const into: JSONObject = {};
      while (!reader.done) {
        const tag = reader.tag();
        const slot = slots.find((s) => s.number === fieldNumber(tag));
        if (slot) slot.read(reader, tag & 7, into);
        else reader.skip(tag & 7);
      }
      const list = into[other];
      if (Array.isArray(list) && list.length) return list;
      return into[schema] ?? (bool ? list === true : null);
    },
  );
}
