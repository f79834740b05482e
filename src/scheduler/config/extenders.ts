/** `extenders`, validated as upstream does (pkg/scheduler/apis/config/validation: validateExtenders). */
import { isExtendedResource } from "../../api/core/resource-names.ts";
import { invalidValue, type Path, required } from "../../api/field.ts";
import { isQualifiedName } from "../../api/names.ts";
import { parseDuration } from "../../api/time.ts";
import type { ExtenderConfig } from "../extender.ts";
import type { Reader } from "./reader.ts";

const known = [
  "urlPrefix",
  "filterVerb",
  "preemptVerb",
  "prioritizeVerb",
  "weight",
  "bindVerb",
  "enableHTTPS",
  "tlsConfig",
  "httpTimeout",
  "nodeCacheCapable",
  "managedResources",
  "ignorable",
];
const tlsFields = ["insecure", "serverName", "certFile", "keyFile", "caFile", "certData", "keyData", "caData"];
const defaultTimeout = 5000;

export interface ReadExtenders {
  readonly extenders: ExtenderConfig[];
  /** Resources that plugins are not to check, because an extender does. */
  readonly ignoredResources: string[];
}

function text(read: Reader, value: unknown, at: Path): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  read.fail(invalidValue(at, value, "must be a string"));
  return "";
}

function timeoutOf(read: Reader, value: unknown, at: Path): number {
  if (value === undefined || value === null) return defaultTimeout;
  try {
    return parseDuration(String(value)) || defaultTimeout;
  } catch (error) {
    read.fail(invalidValue(at, value, (error as Error).message));
    return defaultTimeout;
  }
}

export function readExtenders(read: Reader, value: unknown, at: Path): ReadExtenders {
  const managedByAny = new Set<string>();
  const ignoredResources: string[] = [];
  const extenders = read.list(value, at).map((item, i): ExtenderConfig => {
    const here = at.index(i);
    const fields = read.fields(item, here, known);
    const verb = (name: string): string => text(read, fields[name], here.child(name));
    const weight = read.integer(fields.weight, here.child("weight"), 0);
    const urlPrefix = verb("urlPrefix");
    if (!urlPrefix) read.fail(required(here.child("urlPrefix")));
    else if (!URL.canParse(urlPrefix)) read.fail(invalidValue(here.child("urlPrefix"), urlPrefix, "must be a URL"));
    if (verb("prioritizeVerb") && weight <= 0) read.fail(invalidValue(here.child("weight"), weight, "must have a positive weight applied to it"));
    const managedResources = read.list(fields.managedResources, here.child("managedResources")).map((resource, j): string => {
      const place = here.child("managedResources").index(j);
      const given = read.fields(resource, place, ["name", "ignoredByScheduler"]);
      const name = text(read, given.name, place.child("name"));
      const problems = isQualifiedName(name);
      for (const problem of problems) read.fail(invalidValue(place.child("name"), name, problem));
      if (!problems.length && !isExtendedResource(name)) read.fail(invalidValue(place.child("name"), name, "is an invalid extended resource name"));
      if (managedByAny.has(name)) read.fail(invalidValue(place.child("name"), name, "duplicate extender managed resource name"));
      managedByAny.add(name);
      if (read.boolean(given.ignoredByScheduler, place.child("ignoredByScheduler"), false)) ignoredResources.push(name);
      return name;
    });
    const tls = read.fields(fields.tlsConfig, here.child("tlsConfig"), tlsFields);
    const tlsText = (name: string): string => text(read, tls[name], here.child("tlsConfig", name));
    const pem = (name: string): string => Buffer.from(tlsText(name), "base64").toString("utf8");
    return {
      urlPrefix,
      filterVerb: verb("filterVerb"),
      preemptVerb: verb("preemptVerb"),
      prioritizeVerb: verb("prioritizeVerb"),
      bindVerb: verb("bindVerb"),
      weight,
      timeout: timeoutOf(read, fields.httpTimeout, here.child("httpTimeout")),
      nodeCacheCapable: read.boolean(fields.nodeCacheCapable, here.child("nodeCacheCapable"), false),
      ignorable: read.boolean(fields.ignorable, here.child("ignorable"), false),
      managedResources,
      tls: {
        enabled: read.boolean(fields.enableHTTPS, here.child("enableHTTPS"), false) || urlPrefix.startsWith("https:"),
        insecure: read.boolean(tls.insecure, here.child("tlsConfig", "insecure"), false),
        serverName: tlsText("serverName"),
        ca: pem("caData"),
        caFile: tlsText("caFile"),
        cert: pem("certData"),
        certFile: tlsText("certFile"),
        key: pem("keyData"),
        keyFile: tlsText("keyFile"),
      },
    };
  });
  const binders = extenders.filter(({ bindVerb }) => bindVerb).length;
  if (binders > 1) read.fail(invalidValue(at, `found ${binders} extenders implementing bind`, "only one extender can implement bind"));
  return { extenders, ignoredResources };
}
