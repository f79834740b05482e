/**
 * The file of --admission-control-config-file (apiserver.config.k8s.io/v1 AdmissionConfiguration): who this server is to
 * webhooks. What else could be configured there is refused by name.
 */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { parseYAML } from "../../api/codec/yaml.ts";
import type { JSONObject, JSONValue } from "../../api/json.ts";
import { type CredentialsFor, credentialsOf } from "./webhooks/credentials.ts";

export interface AdmissionConfiguration {
  mutating?: CredentialsFor;
  validating?: CredentialsFor;
}

const apiVersion = "apiserver.config.k8s.io/v1";
const sections = { MutatingAdmissionWebhook: "mutating", ValidatingAdmissionWebhook: "validating" } as const;

/** One sentence that says what is wrong, and where. */
export class ConfigurationFileError extends Error {}

function read(file: string): JSONObject {
  let value: JSONValue;
  try {
    ({ value } = parseYAML(readFileSync(file)));
  } catch (error) {
    if (error instanceof DecodeError || (error as NodeJS.ErrnoException).code) throw new ConfigurationFileError(`${file}: ${(error as Error).message}`);
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ConfigurationFileError(`${file}: not a map`);
  return value;
}

function only(object: JSONObject, known: readonly string[], where: string): void {
  const unknown = Object.keys(object).filter((key) => !known.includes(key));
  if (unknown.length) throw new ConfigurationFileError(`${where}: unknown field ${unknown.map((key) => JSON.stringify(key)).join(", ")}`);
}
function isA(object: JSONObject, kind: string, where: string): void {
  if (object.apiVersion === apiVersion && object.kind === kind) return;
  throw new ConfigurationFileError(`${where}: must be a ${kind} of ${apiVersion}, not ${String(object.kind)} of ${String(object.apiVersion)}`);
}

function credentials(configuration: JSONObject, where: string): CredentialsFor | undefined {
  isA(configuration, "WebhookAdmissionConfiguration", where);
  only(configuration, ["apiVersion", "kind", "kubeConfigFile"], where);
  const { kubeConfigFile: file = "" } = configuration;
  if (file === "") return undefined;
  if (typeof file !== "string" || !isAbsolute(file)) throw new ConfigurationFileError(`${where}: kubeConfigFile: must be an absolute file path`);
  try {
    return credentialsOf(file);
  } catch (error) {
    throw new ConfigurationFileError(`${where}: ${file}: ${(error as Error).message}`);
  }
}

/** Throws ConfigurationFileError. */
export function readAdmissionConfiguration(file: string): AdmissionConfiguration {
  const root = read(file);
  isA(root, "AdmissionConfiguration", file);
  only(root, ["apiVersion", "kind", "plugins"], file);
  const found: AdmissionConfiguration = {};
  for (const entry of (root.plugins ?? []) as JSONObject[]) {
    const name = String(entry.name ?? "");
    const where = `${file}: plugin ${JSON.stringify(name)}`;
    only(entry, ["name", "path", "configuration"], where);
    const section = Object.hasOwn(sections, name) ? sections[name as keyof typeof sections] : undefined;
    if (!section) throw new ConfigurationFileError(`${where} has no configuration here; only ${Object.keys(sections).join(" and ")} have`);
    const path = typeof entry.path === "string" && entry.path ? (isAbsolute(entry.path) ? entry.path : join(dirname(file), entry.path)) : undefined;
    const given = path === undefined ? entry.configuration : read(path);
    if (typeof given !== "object" || given === null || Array.isArray(given)) continue;
    const known = credentials(given, path ?? where);
    if (known) found[section] = known;
  }
  return found;
}
