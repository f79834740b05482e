/**
 * AuthorizationConfiguration, apiserver.config.k8s.io: which authorizers there are, in their order
 * (k8s.io/apiserver/pkg/apis/apiserver/validation, pkg/kubeapiserver/authorizer/config.go). Messages are upstream's.
 */
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { aggregateText, duplicate, type FieldError, invalidValue, notSupported, notSupportedText, type Path, path, required } from "../../api/field.ts";
import { isDNS1123Subdomain } from "../../api/names.ts";
import { canonicalDuration, parseDuration } from "../../api/time.ts";
import { ConfigurationError, type ConfigurationKind, decodeConfiguration, throwFieldErrors } from "../configuration-file.ts";
import { goFileError } from "../outside/kubeconfig.ts";
import { compileConditions, type MatchConditions } from "./match-conditions.ts";
import { table } from "../../base/table.ts";

export const authorizerTypes = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"] as const;
export type AuthorizerType = (typeof authorizerTypes)[number];

/** Durations in milliseconds. */
export interface WebhookSettings {
  /** 0: answers are not kept. */
  authorizedTTL: number;
  unauthorizedTTL: number;
  timeout: number;
  version: "v1" | "v1beta1";
  /** What a webhook that cannot be asked says. */
  onError: "no-opinion" | "deny";
  kubeconfig: string;
  conditions?: MatchConditions;
}
export interface AuthorizerSettings {
  type: AuthorizerType;
  name: string;
  webhook?: WebhookSettings;
}

interface RawWebhook {
  authorizedTTL?: string;
  cacheAuthorizedRequests?: boolean;
  unauthorizedTTL?: string;
  cacheUnauthorizedRequests?: boolean;
  timeout?: string;
  subjectAccessReviewVersion?: string;
  matchConditionSubjectAccessReviewVersion?: string;
  failurePolicy?: string;
  connectionInfo?: { type?: string; kubeConfigFile?: string };
  matchConditions?: { expression?: string }[];
}
interface RawConfiguration {
  authorizers?: { type?: string; name?: string; webhook?: RawWebhook }[];
}

const group = "apiserver.config.k8s.io";
const others = (version: string, ...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`${group}/${version} ${name}`, `*apiserver.${name}`]));

const kind: ConfigurationKind = {
  kind: "AuthorizationConfiguration",
  versions: ["v1", "v1beta1", "v1alpha1"].map((version) => `${group}/${version}`),
  others: {
    ...others("v1", "AdmissionConfiguration", "AuthenticationConfiguration", "EncryptionConfiguration", "TracingConfiguration"),
    ...others("v1beta1", "AuthenticationConfiguration", "TracingConfiguration"),
    ...others("v1alpha1", "AuthenticationConfiguration", "TracingConfiguration"),
  },
  fields: {
    authorizers: {
      list: {
        go: "v1.AuthorizerConfiguration",
        fields: {
          type: "string",
          name: "string",
          webhook: {
            go: "v1.WebhookConfiguration",
            fields: {
              authorizedTTL: "duration",
              cacheAuthorizedRequests: "bool",
              unauthorizedTTL: "duration",
              cacheUnauthorizedRequests: "bool",
              timeout: "duration",
              subjectAccessReviewVersion: "string",
              matchConditionSubjectAccessReviewVersion: "string",
              failurePolicy: "string",
              connectionInfo: { go: "v1.WebhookConnectionInfo", fields: { type: "string", kubeConfigFile: "string" } },
              matchConditions: { list: { go: "v1.WebhookMatchCondition", fields: { expression: "string" } } },
            },
          },
        },
      },
    },
  },
};

const longestTimeout = 30_000;
const policies = table<WebhookSettings["onError"]>({ NoOpinion: "no-opinion", Deny: "deny" });

/** What the file says. `needed`: types that it must name. Throws ConfigurationError. */
export function parseAuthorizationConfiguration(text: string, needed: ReadonlySet<AuthorizerType> = new Set()): AuthorizerSettings[] {
  let raw: RawConfiguration = {};
  try {
    if (text) raw = decodeConfiguration<RawConfiguration>(text, kind);
  } catch (error) {
    if (error instanceof ConfigurationError) error.message = `failed to load AuthorizationConfiguration from file: ${error.message}`;
    throw error;
  }
  const errors: FieldError[] = [];
  const settings = readAuthorizers(raw, errors);
  throwFieldErrors(errors);
  const problems = settings
    .filter(({ type, name }) => type !== "Webhook" && name !== type.toLowerCase())
    .map(({ type, name }) => `expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`);
  const missing = [...needed].filter((type) => !settings.some((one) => one.type === type)).sort();
  if (missing.length) problems.push(`missing required types: [${missing.join(" ")}]`);
  if (problems.length) throw new ConfigurationError(aggregateText(problems));
  return settings;
}

function readAuthorizers({ authorizers = [] }: RawConfiguration, errors: FieldError[]): AuthorizerSettings[] {
  const root = path("authorizers");
  if (!authorizers.length) errors.push(required(root, "at least one authorization mode must be defined"));
  const types = new Set<string>();
  const names = new Set<string>();
  const settings: AuthorizerSettings[] = [];
  for (const [i, { type = "", name = "", webhook }] of authorizers.entries()) {
    const at = root.index(i);
    const known = authorizerTypes.find((one) => one === type);
    if (!known) {
      errors.push(type ? notSupportedText(at.child("type"), type, authorizerTypes) : required(at.child("type")));
      continue;
    }
    if (types.has(known) && known !== "Webhook") {
      errors.push(duplicate(at.child("type"), type));
      continue;
    }
    types.add(known);
    errors.push(...nameErrors(name, names, at.child("name")));
    names.add(name);
    const one: AuthorizerSettings = { type: known, name };
    if (known === "Webhook" && webhook) one.webhook = readWebhook(webhook, at, errors);
    else if (known === "Webhook") errors.push(required(at.child("webhook"), "required when type=Webhook"));
    else if (webhook) errors.push(invalidValue(at.child("webhook"), "non-null", "may only be specified when type=Webhook"));
    settings.push(one);
  }
  return settings;
}

function nameErrors(name: string, seen: ReadonlySet<string>, at: Path): FieldError[] {
  if (!name) return [required(at)];
  if (seen.has(name)) return [duplicate(at, name)];
  const wrong = isDNS1123Subdomain(name);
  return wrong.length ? [invalidValue(at, name, `authorizer name is invalid: ${wrong.join(", ")}`)] : [];
}

/** Upstream names the fields of a webhook as if they stood beside it. */
function readWebhook(webhook: RawWebhook, at: Path, errors: FieldError[]): WebhookSettings {
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true, connectionInfo = {}, matchConditions = [] } = webhook;
  const duration = (field: "timeout" | "authorizedTTL" | "unauthorizedTTL", fallback: string, fits: (ms: number) => boolean, rule: string): number => {
    const given = parseDuration(webhook[field] ?? "0s") ? (webhook[field] as string) : fallback;
    const ms = parseDuration(given);
    if (ms === 0) errors.push(required(at.child(field)));
    else if (!fits(ms)) errors.push(invalidValue(at.child(field), canonicalDuration(given), rule));
    return ms;
  };
  const oneOf = (field: "subjectAccessReviewVersion" | "failurePolicy", supported: readonly string[]): void => {
    const value = webhook[field];
    if (!value) errors.push(required(at.child(field)));
    else if (!supported.includes(value)) errors.push(notSupportedText(at.child(field), value, supported));
  };
  const timeout = duration("timeout", "0s", (ms) => ms > 0 && ms <= longestTimeout, "must be > 0s and <= 30s");
  const authorizedTTL = duration("authorizedTTL", "5m", (ms) => ms > 0, "must be > 0s");
  const unauthorizedTTL = duration("unauthorizedTTL", "30s", (ms) => ms > 0, "must be > 0s");
  oneOf("subjectAccessReviewVersion", ["v1", "v1beta1"]);
  const conditionVersion = webhook.matchConditionSubjectAccessReviewVersion ?? "";
  const conditionAt = at.child("matchConditionSubjectAccessReviewVersion");
  if (!conditionVersion && matchConditions.length) errors.push(required(conditionAt, "required if match conditions are specified"));
  else if (conditionVersion && conditionVersion !== "v1") errors.push(notSupportedText(conditionAt, conditionVersion, ["v1"]));
  oneOf("failurePolicy", Object.keys(policies));
  errors.push(...connectionErrors(connectionInfo, at.child("connectionInfo")));
  const conditions = compileConditions(matchConditions, at, errors);
  return {
    authorizedTTL: cacheAuthorizedRequests ? authorizedTTL : 0,
    unauthorizedTTL: cacheUnauthorizedRequests ? unauthorizedTTL : 0,
    timeout,
    version: webhook.subjectAccessReviewVersion as WebhookSettings["version"],
    onError: policies[webhook.failurePolicy ?? ""] ?? "deny",
    kubeconfig: connectionInfo.kubeConfigFile ?? "",
    ...(conditions ? { conditions } : {}),
  };
}

function connectionErrors({ type = "", kubeConfigFile: file }: NonNullable<RawWebhook["connectionInfo"]>, at: Path): FieldError[] {
  const fileAt = at.child("kubeConfigFile");
  if (!type) return [required(at.child("type"))];
  if (type === "InClusterConfig") return file === undefined ? [] : [invalidValue(fileAt, file, "can only be set when type=KubeConfigFile")];
  if (type !== "KubeConfigFile") return [notSupported(at.child("type"), { Type: type, KubeConfigFile: file ?? null }, ["InClusterConfig", "KubeConfigFile"])];
  if (!file) return [required(fileAt)];
  if (!isAbsolute(file)) return [invalidValue(fileAt, file, "must be an absolute path")];
  try {
    return statSync(file).isFile() ? [] : [invalidValue(fileAt, file, "must be a regular file")];
  } catch (error) {
    return [invalidValue(fileAt, file, `error loading file: ${goFileError(error as NodeJS.ErrnoException, `stat ${file}`)}`)];
  }
}
