/** Requests to the paths below an object: status, scale, and what pods, namespaces, accounts and signing requests have. */
import type { JSONObject } from "../../src/api/json.ts";
import { typeByName } from "../../src/api/schema/schema.ts";
import type { GenStep, Target } from "./episodes.ts";
import { apply, chance, type Edit, pick, valueFor } from "./mutate.ts";

type Edits = (t: Target, object: JSONObject, p: readonly number[], only?: string) => Edit[];
type Query = (t: Target, verb: "create" | "update" | "patch" | "apply") => string;

const json = { "content-type": "application/json-patch+json" };
const applied = { "content-type": "application/apply-patch+yaml" };
const merge = { "content-type": "application/merge-patch+json" };
const strategic = { "content-type": "application/strategic-merge-patch+json" };
const served = new Set(["status", "scale", "binding", "eviction", "ephemeralcontainers", "resize", "approval", "finalize", "token"]);
const connected = new Set(["log", "exec", "attach", "portforward"]);

/** What goes on to a container, where there is none: only what is said before anybody is called. */
function connect(t: Target, subresource: string): GenStep {
  const { random } = t;
  const parts: string[] = [];
  if (chance(random, 0.5)) parts.push(`container=${pick(random, ["main", "c", "side", "init", "nope", ""])}`);
  if (subresource === "log") {
    if (chance(random, 0.3)) parts.push(`tailLines=${pick(random, ["1", "0", "-1", "x"])}`);
    if (chance(random, 0.2)) parts.push(`limitBytes=${pick(random, ["1", "0", "-1"])}`);
    if (chance(random, 0.2)) parts.push(`sinceSeconds=${pick(random, ["1", "0", "-1"])}`);
    if (chance(random, 0.2)) parts.push(`sinceTime=${pick(random, ["2026-01-02T03:04:05Z", "x"])}`);
    if (chance(random, 0.2)) parts.push(`${pick(random, ["previous", "timestamps", "insecureSkipTLSVerifyBackend"])}=${pick(random, ["true", "x"])}`);
    if (chance(random, 0.2)) parts.push(`stream=${pick(random, ["Stdout", "All", "x"])}`);
  } else if (chance(random, 0.5)) parts.push(pick(random, ["command=ls", "stdin=true", "tty=true", "stdout=true", "ports=80", "ports=x", "path=a"]));
  const rest = subresource === "proxy" ? pick(random, ["", "/", "/a", "/a?b=c"]) : "";
  const method = subresource === "log" ? "GET" : pick(random, ["GET", "POST"] as const);
  return { verb: subresource, method, path: `${t.path}/${subresource}${rest}${parts.length ? `${rest.includes("?") ? "&" : "?"}${parts.join("&")}` : ""}` };
}

function statusOf(t: Target): unknown {
  const field = typeByName(t.type).byName.get("status");
  return field ? valueFor(t.random, field.type, field, 3) : {};
}

function writeOf(t: Target, subresource: string, object: () => JSONObject, edits: Edits, query: Query): GenStep {
  const { random } = t;
  const path = `${t.path}/${subresource}${query(t, "update")}`;
  if (chance(random, 0.15)) return { verb: `${subresource}.get`, method: "GET", path: `${t.path}/${subresource}` };
  if (chance(random, 0.4)) {
    const status = object();
    const headers = chance(random, 0.5) ? merge : strategic;
    return { verb: `${subresource}.patch`, method: "PATCH", path, headers, body: status };
  }
  if (chance(random, 0.25)) {
    const { apiVersion, kind, metadata } = t.body();
    const { name } = metadata as JSONObject;
    return {
      verb: `${subresource}.apply`,
      method: "PATCH",
      path: `${t.path}/${subresource}${query(t, "apply")}`,
      headers: applied,
      body: { apiVersion, kind, metadata: { name, ...(chance(random, 0.2) ? { labels: { a: "b" } } : {}) }, ...object() },
    };
  }
  if (chance(random, 0.15)) {
    const [key = "status", value] = Object.entries(object())[0] ?? [];
    const op = pick(random, ["add", "replace", "remove"]);
    return { verb: `${subresource}.json`, method: "PATCH", path, headers: json, body: [{ op, path: `/${key}`, value }] };
  }
  const wanted = object();
  const extra: Edit[] = [];
  const copy = t.body();
  if (chance(random, 0.3)) extra.push(...edits(t, copy, [0, 1]));
  return {
    verb: `${subresource}.update`,
    method: "PUT",
    path,
    from: (last) => {
      const made = structuredClone(last);
      for (const [key, value] of Object.entries(wanted)) made[key] = structuredClone(value);
      for (const one of extra) apply(made, one);
      return made;
    },
  };
}

export function subresourceStep(t: Target, edits: Edits, query: Query): GenStep | undefined {
  const { random } = t;
  const names = (t.def.subresources ?? []).map((one) => one.name).filter((name) => served.has(name) || (connected.has(name) && chance(random, 0.3)));
  if (!names.length) return undefined;
  const subresource = pick(random, names);
  const path = `${t.path}/${subresource}`;
  // Which endpoints a Service has is said by controllers.
  if (connected.has(subresource)) return t.def.resource === "services" ? undefined : connect(t, subresource);
  switch (subresource) {
    case "status":
      return writeOf(t, "status", () => ({ status: statusOf(t) as JSONObject }), edits, query);
    case "scale": {
      const replicas = pick<unknown>(random, [0, 1, 5, -1, "3", null, 1.5]);
      if (chance(random, 0.3)) return { verb: "scale.get", method: "GET", path };
      if (chance(random, 0.2)) {
        const body = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: t.name }, spec: { replicas } };
        return { verb: "scale.apply", method: "PATCH", path: path + query(t, "apply"), headers: applied, body };
      }
      if (chance(random, 0.1)) {
        const body = [{ op: "replace", path: "/spec/replicas", value: replicas }];
        return { verb: "scale.json", method: "PATCH", path: path + query(t, "patch"), headers: json, body };
      }
      if (chance(random, 0.5)) return { verb: "scale.patch", method: "PATCH", path: path + query(t, "patch"), headers: merge, body: { spec: { replicas } } };
      const metadata = {
        name: chance(random, 0.9) ? t.name : "other",
        namespace: "default",
        ...(chance(random, 0.2) ? { resourceVersion: pick(random, ["1", "{rv}"]) } : {}),
      };
      const apiVersion = chance(random, 0.9) ? "autoscaling/v1" : "v1";
      return { verb: "scale.update", method: "PUT", path: path + query(t, "update"), body: { apiVersion, kind: "Scale", metadata, spec: { replicas } } };
    }
    case "binding": {
      const target = pick<JSONObject>(random, [{ kind: "Node", name: "n1" }, { name: "n2" }, { kind: "Pod", name: "x" }, {}, { kind: "Node", name: "BAD" }]);
      const metadata: JSONObject = { name: chance(random, 0.95) ? t.name : pick(random, ["", "other"]) };
      if (chance(random, 0.15)) metadata.uid = pick(random, ["{uid}", "x"]);
      if (chance(random, 0.15)) metadata.resourceVersion = pick(random, ["{rv}", "1", "x"]);
      if (chance(random, 0.15)) metadata.annotations = { a: "b", "Bad Key": "c" };
      if (chance(random, 0.15)) metadata.labels = { a: "b" };
      if (chance(random, 0.05)) metadata.namespace = "other";
      return {
        verb: "binding",
        method: "POST",
        path: (chance(random, 0.9) ? path : "/api/v1/namespaces/default/bindings") + query(t, "create"),
        body: { apiVersion: "v1", kind: "Binding", metadata, target },
      };
    }
    case "eviction": {
      const deleteOptions = chance(random, 0.4)
        ? { deleteOptions: pick<JSONObject>(random, [{ dryRun: ["All"] }, { gracePeriodSeconds: 5 }, { preconditions: { uid: "x" } }, { dryRun: ["x"] }]) }
        : {};
      const apiVersion = pick(random, ["policy/v1", "policy/v1", "policy/v1beta1", "v1"]);
      return {
        verb: "eviction",
        method: "POST",
        path: path + query(t, "create"),
        body: { apiVersion, kind: "Eviction", metadata: { name: chance(random, 0.9) ? t.name : "other" }, ...deleteOptions },
      };
    }
    case "ephemeralcontainers": {
      const container = valueFor(random, "core/v1.EphemeralContainer", undefined, 2) as JSONObject;
      const friendly = { name: "dbg", image: "busybox", ...(chance(random, 0.4) ? container : {}) };
      return writeOf(t, subresource, () => ({ spec: { ephemeralContainers: [friendly] } }), edits, query);
    }
    case "resize": {
      const resources = chance(random, 0.6)
        ? { requests: { cpu: pick(random, ["10m", "2", "-1", "x"]) }, limits: { memory: pick(random, ["1Gi", "1Mi", "200Mi"]) } }
        : (valueFor(random, "core/v1.ResourceRequirements", undefined, 2) as JSONObject);
      if (chance(random, 0.3))
        return writeOf(t, "resize", () => ({ spec: { containers: [{ name: pick(random, ["main", "c"]), image: "nginx", resources }] } }), edits, query);
      return {
        verb: "resize.patch",
        method: "PATCH",
        path: path + query(t, "patch"),
        headers: strategic,
        body: { spec: { containers: [{ name: pick(random, ["main", "c", "nope"]), resources }] } },
      };
    }
    case "approval":
      return writeOf(
        t,
        "approval",
        () => ({
          status: {
            conditions: [
              { type: pick(random, ["Approved", "Denied", "Failed", "X", ""]), status: pick(random, ["True", "False", ""]), reason: "r", message: "m" },
            ],
          },
        }),
        edits,
        query,
      );
    case "finalize": {
      const finalizers = pick<string[]>(random, [["kubernetes"], [], ["a"], ["example.com/a"]]);
      return { verb: "finalize", method: "PUT", path, from: (last) => ({ ...last, spec: { finalizers } }) };
    }
    default: {
      const spec = chance(random, 0.5)
        ? { audiences: ["a"], expirationSeconds: pick(random, [3600, 10, 2 ** 33, 0]) }
        : (valueFor(random, "authentication/v1.TokenRequestSpec", undefined, 2) as JSONObject);
      return {
        verb: "token",
        method: "POST",
        path: path + query(t, "create"),
        body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec },
        hide: ["token", "expirationTimestamp"],
      };
    }
  }
}
