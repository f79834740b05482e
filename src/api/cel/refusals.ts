/**
 * What is said of arguments that no implementation takes. cel-go asks the first one: what can do such things at all says itself that the
 * others do not fit it, and so does whatever may be a receiver (interpreter's evalUnary, evalBinary and evalVarArgs); else the
 * function is named, with the types where its declaration guards them.
 */
import { table } from "../../base/table.ts";
import { CelError, Duration, ListValue, MapValue, noSuchOverload, Timestamp, typeOfValue, UInt, type Value } from "./values.ts";

const isNumber = (value: Value): boolean => typeof value === "bigint" || typeof value === "number" || value instanceof UInt;
const isTime = (value: Value): boolean => value instanceof Duration || value instanceof Timestamp;
const isReceiver = (value: Value): boolean => typeof value === "string" || isTime(value);

const traits = table<(value: Value) => boolean>({
  "_+_": (value) => isNumber(value) || value instanceof Uint8Array || value instanceof ListValue,
  "_-_": isNumber,
  "_*_": isNumber,
  "_/_": isNumber,
  "_%_": (value) => isNumber(value) && typeof value !== "number",
  "-_": (value) => typeof value === "bigint" || typeof value === "number" || typeof value === "boolean",
  size: (value) => value instanceof Uint8Array || value instanceof ListValue || value instanceof MapValue,
  matches: () => false,
  sort: (value) => value instanceof ListValue,
  "@sortByAssociatedKeys": (value) => value instanceof ListValue,
});
/** Implemented by their receivers alone. */
const received = new Set(["startsWith", "endsWith", "contains"]);

export function refusal(name: string, args: readonly Value[]): CelError {
  const [first] = args;
  const has = traits[name];
  if (has && first !== undefined) return has(first) || isReceiver(first) ? noSuchOverload : new CelError(`no such overload: ${name}`);
  if (received.has(name) || (name === "findAll" && args.length === 3) || !/^[\w.]+$/.test(name) || name.startsWith("_")) return noSuchOverload;
  return new CelError(`no such overload: ${name}(${args.map((one) => typeOfValue(one).name).join(", ")})`);
}
