/** Whether a value is of a declared type, as far as a value tells. */
import { Type } from "./types.ts";
import { Duration, ListValue, MapValue, ObjectValue, OptionalValue, Timestamp, UInt, type Value } from "./values.ts";

type Guard = (value: Value) => boolean;

/** `anyElements`: what a list holds is not looked at; else its first element tells (cel-go's Type.IsAssignableRuntimeType). */
export function guardOf(type: Type, anyElements = false): Guard {
  const { kind, name, nullable, parameters } = type;
  const [element] = parameters;
  const guard = kind === "list" && element && !anyElements ? listGuard(guardOf(element)) : plain(kind, name);
  return nullable ? (value) => value === null || guard(value) : guard;
}
const listGuard =
  (element: Guard): Guard =>
  (value) =>
    value instanceof ListValue && (value.size === 0 || element(value.at(0)));

function plain(kind: Type["kind"], name: string): Guard {
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
