/** What validating and mutating webhooks share: defaults and validation (pkg/apis/admissionregistration). */
import { deepEqual } from "../copy.ts";
import { duplicate, type FieldError, invalidValue, notSupported, type Path, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta } from "../meta/validation.ts";
import { isDNS1035Label, isDNS1123Subdomain } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { MutatingWebhook, ValidatingWebhook } from "../types/admissionregistration-v1.gen.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";
import { validateWebhookService, validateWebhookURL } from "../webhook-client.ts";
import { validateMatchConditions } from "./match-conditions.ts";
import { failurePolicies, matchPolicies, reinvocationPolicies } from "./match-resources.ts";
import { defaultRules, validateRule } from "./rules.ts";

export type Webhook = ValidatingWebhook & Pick<MutatingWebhook, "reinvocationPolicy">;
export interface WebhookConfiguration extends KubeObject {
  webhooks?: Webhook[];
}

const reviewVersions = ["v1", "v1beta1"];
const sideEffects = ["None", "NoneOnDryRun", "Some", "Unknown"];
const noSideEffects = ["None", "NoneOnDryRun"];
const staticSuffix = ".static.k8s.io";

export const staticNameWarnings = ({ metadata }: { metadata: ObjectMeta }): string[] =>
  metadata.name?.endsWith(staticSuffix)
    ? [`metadata.name: names ending with ${goQuote(staticSuffix)} are reserved for static manifest-based configurations and cannot be managed via the API`]
    : [];

export function defaultWebhook(hook: Webhook): void {
  hook.failurePolicy ??= "Fail";
  hook.matchPolicy ??= "Equivalent";
  hook.namespaceSelector ??= {};
  hook.objectSelector ??= {};
  hook.timeoutSeconds ??= 10;
  defaultRules(hook.rules);
  if (hook.clientConfig?.service) hook.clientConfig.service.port ??= 443;
}

/** What updates may keep as it was. */
interface Leniency {
  conditions: boolean;
  sideEffects: boolean;
  reviewVersions: boolean;
  repeatedNames: boolean;
  labelValues: boolean;
}
const strict: Leniency = { conditions: false, sideEffects: false, reviewVersions: false, repeatedNames: false, labelValues: false };

function leniencyOf(hooks: readonly Webhook[], old: readonly Webhook[]): Leniency {
  return {
    conditions: hooks.length === old.length && old.every((hook, i) => deepEqual(hook.matchConditions ?? [], hooks[i]?.matchConditions ?? [])),
    sideEffects: old.some((hook) => !noSideEffects.includes(hook.sideEffects ?? "")),
    reviewVersions: old.some(({ admissionReviewVersions: versions = [] }) => versions.length > 0 && !versions.some((one) => reviewVersions.includes(one))),
    repeatedNames: new Set(old.map(({ name }) => name)).size < old.length,
    labelValues: old.some((hook) => hasInvalidLabelValue(hook.namespaceSelector) || hasInvalidLabelValue(hook.objectSelector)),
  };
}

function validateName(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  const wrong = isDNS1123Subdomain(name);
  if (wrong.length) return [invalidValue(at, name, wrong.join(","))];
  return name.split(".").length < 3 ? [invalidValue(at, name, "should be a domain with at least three segments separated by dots")] : [];
}

function validateReviewVersions(versions: readonly string[], lenient: boolean, at: Path): FieldError[] {
  const known = reviewVersions.join(", ");
  if (!versions.length) return [required(at, `must specify one of ${known}`)];
  const seen = new Set<string>();
  const errors = versions.flatMap((version, i) => {
    if (seen.has(version)) return [invalidValue(at.index(i), version, "duplicate version")];
    seen.add(version);
    return isDNS1035Label(version).map((message) => invalidValue(at.index(i), version, message));
  });
  if (!lenient && !versions.some((version) => reviewVersions.includes(version)))
    errors.push(invalidValue(at, versions, `must include at least one of ${known}`));
  return errors;
}

function validateWebhook(hook: Webhook, mutating: boolean, lenient: Leniency, at: Path): FieldError[] {
  const errors = validateName(hook.name ?? "", at.child("name"));
  const oneOf = (field: "failurePolicy" | "matchPolicy" | "sideEffects" | "reinvocationPolicy", supported: readonly string[]): void => {
    const value = hook[field];
    if (value != null && !supported.includes(value)) errors.push(notSupported(at.child(field), value, supported));
  };
  for (const [i, rule] of (hook.rules ?? []).entries()) errors.push(...validateRule(rule, at.child("rules").index(i)));
  oneOf("failurePolicy", failurePolicies);
  oneOf("matchPolicy", matchPolicies);
  const allowed = lenient.sideEffects ? sideEffects : noSideEffects;
  if (hook.sideEffects == null) errors.push(required(at.child("sideEffects"), `must specify one of ${allowed.join(", ")}`));
  oneOf("sideEffects", allowed);
  const { timeoutSeconds: timeout } = hook;
  if (timeout !== undefined && (timeout > 30 || timeout < 1))
    errors.push(invalidValue(at.child("timeoutSeconds"), timeout, "the timeout value must be between 1 and 30 seconds"));
  for (const field of ["namespaceSelector", "objectSelector"] as const)
    errors.push(...validateLabelSelector(hook[field], { allowInvalidLabelValue: lenient.labelValues }, at.child(field)));
  if (mutating) oneOf("reinvocationPolicy", reinvocationPolicies);
  const { url, service } = hook.clientConfig ?? {};
  const client = at.child("clientConfig");
  if ((url === undefined) === (service === undefined)) errors.push(required(client, "exactly one of url or service is required"));
  else if (url !== undefined) errors.push(...validateWebhookURL(client.child("url"), url));
  else if (service) errors.push(...validateWebhookService(client.child("service"), service));
  if (!lenient.conditions) errors.push(...validateMatchConditions(hook.matchConditions, false, at.child("matchConditions")));
  return errors;
}

function validate({ metadata, webhooks = [] }: WebhookConfiguration, mutating: boolean, lenient: Leniency): FieldError[] {
  const errors = validateObjectMeta(metadata, { namespaced: false, validateName: nameIsDNSSubdomain }, path("metadata"));
  const seen = new Set<string>();
  for (const [i, hook] of webhooks.entries()) {
    const at = path("webhooks").index(i);
    errors.push(...validateWebhook(hook, mutating, lenient, at));
    errors.push(...validateReviewVersions(hook.admissionReviewVersions ?? [], lenient.reviewVersions, at.child("admissionReviewVersions")));
    if (lenient.repeatedNames || !hook.name) continue;
    if (seen.has(hook.name)) errors.push(duplicate(at.child("name"), hook.name));
    seen.add(hook.name);
  }
  return errors;
}

/** The behaviour of a kind of webhook configuration. */
export const webhookStrategy = (mutating: boolean) => ({
  allowUnconditionalUpdate: false,
  setDefaults(configuration: WebhookConfiguration): void {
    for (const hook of configuration.webhooks ?? []) {
      defaultWebhook(hook);
      if (mutating) hook.reinvocationPolicy ??= "Never";
    }
  },
  prepareForCreate({ metadata }: WebhookConfiguration): void {
    metadata.generation = 1;
  },
  prepareForUpdate(configuration: WebhookConfiguration, old: WebhookConfiguration): void {
    // An empty map where there was none is a change: upstream compares literally here.
    if (!deepEqual(configuration.webhooks, old.webhooks)) configuration.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validate: (configuration: WebhookConfiguration): FieldError[] => validate(configuration, mutating, strict),
  validateUpdate: (configuration: WebhookConfiguration, old: WebhookConfiguration): FieldError[] =>
    validate(configuration, mutating, leniencyOf(configuration.webhooks ?? [], old.webhooks ?? [])),
  warnings: staticNameWarnings,
  warningsOnUpdate: staticNameWarnings,
});
