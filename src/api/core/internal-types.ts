/**
 * Values as upstream's error messages print them where they hold its internal types: every field, under its Go name, with
 * its zero value where it is not set. internal-types.json has the fields of those types (pkg/apis/core/types.go) as
 * `GoName:jsonName:type`: `*` may be null and is printed as it is, `*T` and `[]T` may be null, an empty name is embedded.
 */
import { readFileSync } from "node:fs";
import { table } from "../../base/table.ts";

const facts = JSON.parse(readFileSync(new URL("./internal-types.json", import.meta.url), "utf8")) as Record<string, string[]>;

type Values = Record<string, unknown>;
const zero = table<unknown>({ string: "", int: 0, bool: false, quantity: "0", object: {}, "*": null });
/** What the internal pod keeps in its security context and the wire at the top of the specification. */
const hoisted = new Set(["HostNetwork", "HostPID", "HostIPC", "ShareProcessNamespace", "HostUsers"]);

function convert(type: string, value: unknown): unknown {
  if (type in zero) return value ?? zero[type];
  if (type.startsWith("[]")) return Array.isArray(value) ? value.map((item) => convert(type.slice(2), item)) : null;
  if (type.startsWith("*")) return value === undefined || value === null ? null : convert(type.slice(1), value);
  return struct(type, (value ?? {}) as Values);
}

function struct(type: string, value: Values): Values {
  const result: Values = {};
  for (const fact of facts[type]!) {
    const [name, field, kind] = fact.split(":") as [string, string, string];
    // Embedded metadata bears its own names, and says only what there is.
    if (!name) Object.assign(result, kind === "object" ? value.metadata : struct(kind, value));
    else if (type === "PodSpec" && name === "SecurityContext") result[name] = podSecurity(value);
    else result[name] = convert(kind, value[field]);
  }
  return result;
}

/** There is one in all that got defaults. */
function podSecurity(spec: Values): Values | null {
  if (spec.securityContext === undefined) return null;
  const context = struct("PodSecurityContext", spec.securityContext as Values);
  for (const name of hoisted) {
    const field = name[0]!.toLowerCase() + name.slice(1);
    context[name] = spec[field] ?? context[name];
  }
  return context;
}

/** Null for what is not there. */
export const internalForm = (type: string, value: object | undefined): unknown => (value ? struct(type, value as Values) : null);
