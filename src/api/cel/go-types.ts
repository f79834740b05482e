/** Of cel-go's values, as Go prints them in messages. */
import { CelError, ListValue, MapValue, typeOfValue, type Value } from "./values.ts";
import { table } from "../../base/table.ts";

const names = table<string>({
  string: "types.String",
  int: "types.Int",
  uint: "types.Uint",
  double: "types.Double",
  bool: "types.Bool",
  null_type: "types.Null",
  bytes: "types.Bytes",
  "google.protobuf.Timestamp": "types.Timestamp",
  "google.protobuf.Duration": "types.Duration",
  optional_type: "*types.Optional",
  type: "*types.Type",
  "kubernetes.Quantity": "cel.Quantity",
  "kubernetes.URL": "cel.URL",
  "kubernetes.Semver": "cel.Semver",
  "net.IP": "cel.IP",
  "net.CIDR": "cel.CIDR",
});

export function goTypeOf(value: Value): string {
  if (value instanceof ListValue) return "*types.baseList";
  if (value instanceof MapValue) return "*types.baseMap";
  if (value instanceof CelError) return "*types.Err";
  const { name } = typeOfValue(value);
  return names[name] ?? name;
}
