/** Requests on ways that lead nowhere. */
import type { GenStep, Target } from "./episodes.ts";
import { patchHeaders, tables } from "./headers.ts";
import { chance, pick } from "./mutate.ts";

/** Ways in that do not exist, are not for this verb, or lead to another namespace. */
export function astray(t: Target): GenStep {
  const { random } = t;
  const body = t.body();
  const elsewhere = t.collection.replace("/namespaces/default/", `/namespaces/${pick(random, ["nowhere", "UPPER", "kube-system"])}/`);
  const whole = t.collection.replace("/namespaces/default/", "/");
  return pick<() => GenStep>(random, [
    () => ({ verb: "astray.post", method: "POST", path: t.path, body }),
    () => ({ verb: "astray.put", method: "PUT", path: t.collection, body }),
    () => ({ verb: "astray.patch", method: "PATCH", path: t.collection, body, headers: patchHeaders.merge }),
    () => ({ verb: "astray.type", method: "PATCH", path: t.path, body, headers: { "content-type": pick(random, ["application/json", "text/plain", "x"]) } }),
    () => ({ verb: "astray.create", method: "POST", path: elsewhere, body }),
    () => ({ verb: "astray.get", method: "GET", path: `${elsewhere}/${t.name}` }),
    () => ({ verb: "astray.all", method: "GET", path: `${whole}?labelSelector=ep%3D${t.name}`, ...(chance(random, 0.4) ? { headers: tables } : {}) }),
    () => ({
      verb: "astray.sub",
      method: pick(random, ["GET", "PUT", "PATCH", "POST", "DELETE"] as const),
      path: `${t.path}/${pick(random, ["nope", "status", "scale", "log"])}`,
    }),
    () => ({ verb: "astray.version", method: "GET", path: t.path.replace(/\/v[12]\//, "/v9/") }),
    () => ({ verb: "astray.empty", method: pick(random, ["POST", "PUT", "PATCH"] as const), path: t.path }),
    () => ({ verb: "astray.head", method: pick(random, ["HEAD", "OPTIONS"] as const), path: pick(random, [t.path, t.collection, `${t.path}/status`]) }),
    () => ({ verb: "astray.sub.watch", method: "GET", path: `${t.path}/status?watch=true&timeoutSeconds=1` }),
    () => ({ verb: "astray.delete", method: "DELETE", path: `${t.path}x` }),
  ])();
}
