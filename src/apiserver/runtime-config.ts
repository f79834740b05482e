/**
 * Which built-in resources are served (`--runtime-config`; k8s.io/apiserver/pkg/server/resourceconfig and
 * server/options/api_enablement.go): by stability, by group and version, by resource, the later the stronger.
 * What stands behind a feature that is off is never served.
 */
import { goQuote } from "../api/go-quote.ts";
import { parseGoBool } from "../api/go-bool.ts";
import { allResources, apiVersionOf, kinds, type ResourceDef, resources } from "../api/schema/schema.ts";
import { table } from "../base/table.ts";

/** Names to what was written behind their `=`; empty where nothing was. */
export type RuntimeConfig = ReadonlyMap<string, string>;

/** `before` is what an earlier use of the flag gave. */
export function parseRuntimeConfig(text: string, before?: RuntimeConfig): RuntimeConfig {
  const config = new Map(before);
  for (const pair of text.split(",").filter(Boolean)) {
    const equals = pair.indexOf("=");
    const name = (equals < 0 ? pair : pair.slice(0, equals)).trim();
    // What the core group's version is called is one and the same.
    const key = /^(api\/)?v1(\/|$)/.test(name) ? "/v1" : name;
    if (key !== "api/legacy") config.set(key, equals < 0 ? "" : pair.slice(equals + 1).trim());
  }
  return config;
}

const levels: readonly [string, RegExp][] = [
  ["api/all", /^/],
  ["api/ga", /^v\d+$/],
  ["api/beta", /^v\d+beta\d+$/],
  ["api/alpha", /^v\d+alpha\d+$/],
];
const isLevel = (key: string): boolean => levels.some(([name]) => name === key);

/** Versions that upstream knows, served or not: `/v1`, `apps/v1`. */
const registered = new Set(Object.keys(kinds).map((gvk) => gvk.slice(0, gvk.lastIndexOf("/"))));
registered.delete("v1");
registered.add("/v1");
const unregistered = new Set(["meta.k8s.io", "apidiscovery.k8s.io"]);
const groups = new Set([...registered].map((version) => version.slice(0, version.lastIndexOf("/"))).filter((group) => !unregistered.has(group)));

interface Preference {
  version: string;
  resource: string;
  enabled: boolean;
}

/** What is wrong by itself, before anything is looked up, in upstream's words. */
function mistakes(config: RuntimeConfig): string | undefined {
  if (config.get("api/all") === "false" && config.size === 1) return "invalid runtime-config with only api/all=false";
  const unknown = new Set<string>();
  for (const key of config.keys()) {
    if (isLevel(key)) continue;
    const parts = key.split("/");
    if (parts.length !== 2 && parts.length !== 3) return `runtime-config invalid key ${key}`;
    const [group = "", version = ""] = parts;
    if (!groups.has(group)) unknown.add(`${group}/${version}`);
  }
  return unknown.size ? `unknown api groups ${[...unknown].sort().join(",")}` : undefined;
}

function preferences(config: RuntimeConfig): Preference[] {
  const found: Preference[] = [];
  for (const [key, text] of config) {
    if (isLevel(key)) continue;
    const [group = "", name = "", resource = ""] = key.split("/");
    const version = `${group}/${name}`;
    if (!registered.has(version)) throw new Error(`group version ${group ? version : name} that has not been registered`);
    const enabled = text === "" ? true : parseGoBool(text);
    if (enabled === undefined) throw new Error(`invalid value of ${key}: ${text}, err: strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`);
    if (resource !== resource.toLowerCase())
      throw new Error(`invalid key ${key}: group/version/resource and resource is always lowercase plural, not ${goQuote(resource)}`);
    found.push({ version, resource, enabled });
  }
  return found;
}

/** What upstream serves when it is asked to, and k8ts does not have: by group and resource. */
export const missing = table<string>({
  "resource.k8s.io/devicetaintrules": "no device is tainted by rules",
  "resource.k8s.io/resourcepoolstatusrequests": "nobody answers them",
  "internal.apiserver.k8s.io/storageversions": "servers do not tell each other how they store objects",
});

/**
 * The built-in resources that are served, in discovery's order: `resources` itself where nothing was asked for.
 * Throws an Error, in upstream's words for a configuration that is wrong, and one that names what would be served and is not implemented.
 */
export function servedResources(config: RuntimeConfig, isOn: (gate: string) => boolean): readonly ResourceDef[] {
  const mistake = mistakes(config);
  if (mistake) throw new Error(mistake);
  const byLevel = levels.flatMap(([name, pattern]) => {
    const text = config.get(name);
    if (text === undefined) return [];
    if (text !== "true" && text !== "false") throw new Error(`invalid value ${name}=${text}`);
    return [{ pattern, enabled: text === "true" }];
  });
  const wanted = preferences(config);
  const served = allResources.filter((def) => {
    if (def.gate && !isOn(def.gate)) return false;
    const version = `${def.group}/${def.version}`;
    let enabled = !def.optional;
    for (const level of byLevel) if (level.pattern.test(def.version)) enabled = level.enabled;
    for (const one of wanted) if (one.version === version && !one.resource) enabled = one.enabled;
    for (const one of wanted) if (one.version === version && one.resource === def.resource) enabled = one.enabled;
    return enabled;
  });
  const refused = served.filter(({ group, resource }) => `${group}/${resource}` in missing);
  if (refused.length) {
    const why = refused.map((def) => `${nameOf(def)} (${missing[`${def.group}/${def.resource}`]})`).join(", ");
    const without = refused.map(({ group, version, resource }) => `${group}/${version}/${resource}=false`).join(",");
    throw new Error(`k8ts does not implement ${why}: add ${without}`);
  }
  return served.length === resources.length && served.every((def, i) => def === resources[i]) ? resources : served;
}

/** Flow control works with its API (pkg/controlplane/apiserver/options/validation.go). Undefined: it can. */
export function withoutFlowControl(config: RuntimeConfig): string | undefined {
  const name = ["flowcontrol.apiserver.k8s.io/v1", "api/ga", "api/all"].find((key) => config.get(key) === "false");
  return name && `--runtime-config=${name}=false conflicts with --enable-priority-and-fairness=true`;
}

const nameOf = ({ group, version, resource }: ResourceDef): string => `${apiVersionOf(group, version)} ${resource}`;
