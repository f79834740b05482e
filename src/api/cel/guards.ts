/** Whether a value is of a declared type, as far as a value tells. */
import { Type } from "./types.ts";
import { Duration, ListValue, MapValue, ObjectValue, OptionalValue, Timestamp, UInt, type Value } from "./values.ts";

export function guardOf(type: Type): (value: Value) => boolean {
  const { kind, name, nullable } = type;
  if (nullable) {
    const guard = plain(kind, name);
    return (value) => value === null || guard(value);
  }
  return plain(kind, name);
}

function plain(kind: Type["kind"], name: string): (value: Value) => boolean {
  switch (kind) {
    case "bool":
      return (value) => typeof value === "boolean";
    case "int":
      return (value) => typeof value === "bigint";
    case "double":
      return (value) => typeof value === "number";
    case "string":
      return (value) => typeof value === "string";
    case "null":
      return (value) => value === null;
    case "uint":
      return (value) => value instanceof UInt;
    case "bytes":
      return (value) => value instanceof Uint8Array;
    case "duration":
      return (value) => value instanceof Duration;
    case "timestamp":
      return (value) => value instanceof Timestamp;
    case "list":
      return (value) => value instanceof ListValue;
    case "map":
      return (value) => value instanceof MapValue;
    case "type":
      return (value) => value instanceof Type;
    case "struct":
    case "opaque":
      return name === "optional_type" ? (value) => value instanceof OptionalValue : (value) => value instanceof ObjectValue && value.type.name === name;
  }
  return () => true;
}
