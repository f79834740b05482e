/** CredentialProviderConfig (kubelet.config.k8s.io/v1): which programs give credentials for which images. Upstream's plugin/config.go. */
import { isMap } from "../../api/json.ts";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { load } from "js-yaml";
import { parseDuration } from "../../api/time.ts";

export interface TokenAttributes {
  serviceAccountTokenAudience: string;
  cacheType: "ServiceAccount" | "Token";
  requireServiceAccount: boolean;
  requiredServiceAccountAnnotationKeys: string[];
  optionalServiceAccountAnnotationKeys: string[];
}
export interface CredentialProvider {
  name: string;
  matchImages: string[];
  /** Milliseconds. */
  defaultCacheDuration: number;
  apiVersion: string;
  args: string[];
  env: { name: string; value: string }[];
  tokenAttributes?: TokenAttributes;
}

const group = "kubelet.config.k8s.io";
const configVersions = ["v1", "v1beta1", "v1alpha1"].map((version) => `${group}/${version}`);
/** Of the protocol between the kubelet and the programs. */
export const protocolVersions = ["v1", "v1alpha1", "v1beta1"].map((version) => `credentialprovider.kubelet.k8s.io/${version}`);

type Mapping = Record<string, unknown>;
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === "string");

/** Gathers what is wrong, as upstream's field errors read. */
class Problems {
  readonly all: string[] = [];
  required(path: string, detail = ""): void {
    this.all.push(`${path}: Required value${detail ? `: ${detail}` : ""}`);
  }
  invalid(path: string, value: unknown, detail: string): void {
    this.all.push(`${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`);
  }
  forbidden(path: string, detail: string): void {
    this.all.push(`${path}: Forbidden: ${detail}`);
  }
  unsupported(path: string, value: unknown, supported: readonly string[]): void {
    this.all.push(`${path}: Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(", ")}`);
  }
  keys(path: string, value: Mapping, known: readonly string[]): void {
    for (const key of Object.keys(value)) if (!known.includes(key)) this.all.push(`strict decoding error: unknown field "${path}${key}"`);
  }
}

/** A file, or a directory of them. Throws one sentence for what cannot be used. */
export function readCredentialProviders(path: string): CredentialProvider[] {
  const files = filesOf(path);
  const problems = new Problems();
  const providers: CredentialProvider[] = [];
  for (const file of files) {
    const value = decode(file, problems);
    for (const [i, provider] of (Array.isArray(value.providers) ? value.providers : []).entries()) {
      const read = isMap(provider) ? readProvider(provider, i, problems) : undefined;
      if (!read) continue;
      if (providers.some((one) => one.name === read.name))
        throw new Error(`duplicate provider name ${JSON.stringify(read.name)} found in configuration file(s)`);
      providers.push(read);
    }
  }
  if (!providers.length && !problems.all.length) problems.required("providers", "at least 1 item in plugins is required");
  if (problems.all.length)
    throw new Error(`failed to validate credential provider config: ${problems.all.length > 1 ? `[${problems.all.join(", ")}]` : problems.all[0]}`);
  return providers;
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch (error) {
    throw new Error(`unable to access path ${JSON.stringify(path)}: ${(error as Error).message}`);
  }
  const files = readdirSync(path, { withFileTypes: true }).filter((entry) => !entry.isDirectory() && [".json", ".yaml", ".yml"].includes(extname(entry.name)));
  if (!files.length) throw new Error(`no configuration files found in directory ${JSON.stringify(path)}`);
  return files.map((entry) => join(path, entry.name)).sort();
}

function decode(file: string, problems: Problems): Mapping {
  let value: unknown;
  try {
    value = load(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`error decoding config ${JSON.stringify(file)}: ${(error as Error).message.split("\n")[0]}`);
  }
  const { kind, apiVersion } = isMap(value) ? value : {};
  if (!isMap(value) || kind !== "CredentialProviderConfig")
    throw new Error(`error decoding config ${JSON.stringify(file)}: failed to decode ${JSON.stringify(kind ?? "")} (wrong Kind)`);
  if (!configVersions.includes(String(apiVersion)))
    throw new Error(
      `error decoding config ${JSON.stringify(file)}: no kind "CredentialProviderConfig" is registered for version ${JSON.stringify(apiVersion ?? "")}`,
    );
  problems.keys("", value, ["kind", "apiVersion", "providers"]);
  return value;
}

function readProvider(value: Mapping, index: number, problems: Problems): CredentialProvider | undefined {
  const before = problems.all.length;
  problems.keys(`providers[${index}].`, value, ["name", "matchImages", "defaultCacheDuration", "apiVersion", "args", "env", "tokenAttributes"]);
  const { name = "", matchImages = [], defaultCacheDuration, apiVersion = "", args = [], env = [], tokenAttributes } = value;
  if (typeof name !== "string" || name.includes("/")) problems.invalid("providers.name", name, "provider name cannot contain '/'");
  else if (name.includes(" ")) problems.invalid("providers.name", name, "provider name cannot contain spaces");
  else if (name === "." || name === "..") problems.invalid("providers.name", name, `provider name cannot be '${name}'`);
  if (!apiVersion) problems.required("providers.apiVersion");
  else if (!protocolVersions.includes(String(apiVersion))) problems.unsupported("providers.apiVersion", apiVersion, protocolVersions);
  if (!isTexts(matchImages) || !matchImages.length) problems.required("providers.matchImages", "at least 1 item in matchImages is required");
  else
    for (const one of matchImages)
      if (!URL.canParse(`https://${one.replaceAll("*", "x")}`)) problems.invalid("providers.matchImages", one, "match image is invalid");
  if (!isTexts(args)) problems.invalid("providers.args", args, "must be a list of strings");
  if (!Array.isArray(env) || !env.every((one) => isMap(one) && typeof one.name === "string" && typeof one.value === "string"))
    problems.invalid("providers.env", env, "must be a list of names and values");
  const cache = readDuration(defaultCacheDuration, problems);
  const attributes = tokenAttributes === undefined ? undefined : readTokenAttributes(tokenAttributes, String(apiVersion), problems);
  if (problems.all.length > before) return undefined;
  return {
    name: name as string,
    matchImages: matchImages as string[],
    defaultCacheDuration: cache,
    apiVersion: apiVersion as string,
    args: args as string[],
    env: env as CredentialProvider["env"],
    ...(attributes ? { tokenAttributes: attributes } : {}),
  };
}

function readDuration(value: unknown, problems: Problems): number {
  if (value === undefined) {
    problems.required("providers.defaultCacheDuration");
    return 0;
  }
  try {
    const ms = parseDuration(String(value));
    if (ms < 0) problems.invalid("providers.defaultCacheDuration", value, "must be greater than or equal to 0");
    return ms;
  } catch (error) {
    problems.invalid("providers.defaultCacheDuration", value, (error as Error).message);
    return 0;
  }
}

const qualifiedName = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$/;

function readTokenAttributes(value: unknown, apiVersion: string, problems: Problems): TokenAttributes | undefined {
  const path = "providers.tokenAttributes";
  if (!isMap(value)) {
    problems.invalid(path, value, "must be a mapping");
    return undefined;
  }
  problems.keys(`${path}.`, value, [
    "serviceAccountTokenAudience",
    "cacheType",
    "requireServiceAccount",
    "requiredServiceAccountAnnotationKeys",
    "optionalServiceAccountAnnotationKeys",
  ]);
  const { serviceAccountTokenAudience, cacheType, requireServiceAccount } = value;
  if (!serviceAccountTokenAudience) problems.required(`${path}.serviceAccountTokenAudience`);
  if (typeof requireServiceAccount !== "boolean") problems.required(`${path}.requireServiceAccount`);
  if (apiVersion !== protocolVersions[0]) problems.forbidden(path, `tokenAttributes is only supported for ${protocolVersions[0]} API version`);
  const keys = (field: "requiredServiceAccountAnnotationKeys" | "optionalServiceAccountAnnotationKeys"): string[] => {
    const list = value[field] ?? [];
    if (!isTexts(list)) {
      problems.invalid(`${path}.${field}`, list, "must be a list of strings");
      return [];
    }
    for (const [i, key] of list.entries()) {
      if (!qualifiedName.test(key.toLowerCase())) problems.invalid(`${path}.${field}`, key, "must be a qualified name");
      if (list.indexOf(key) !== i) problems.all.push(`${path}.${field}: Duplicate value: ${JSON.stringify(key)}`);
    }
    return list;
  };
  const required = keys("requiredServiceAccountAnnotationKeys");
  const optional = keys("optionalServiceAccountAnnotationKeys");
  if (requireServiceAccount === false && required.length)
    problems.forbidden(
      `${path}.requiredServiceAccountAnnotationKeys`,
      "requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set",
    );
  const both = required.filter((key) => optional.includes(key));
  if (both.length) problems.invalid(path, both.sort(), "annotation keys cannot be both required and optional");
  if (!cacheType)
    problems.required(`${path}.cacheType`, "cacheType is required to be set when tokenAttributes is specified. Supported values are: ServiceAccount, Token");
  else if (cacheType !== "ServiceAccount" && cacheType !== "Token") problems.unsupported(`${path}.cacheType`, cacheType, ["ServiceAccount", "Token"]);
  return {
    serviceAccountTokenAudience: String(serviceAccountTokenAudience),
    cacheType: cacheType as TokenAttributes["cacheType"],
    requireServiceAccount: requireServiceAccount === true,
    requiredServiceAccountAnnotationKeys: required,
    optionalServiceAccountAnnotationKeys: optional,
  };
}
