/** How versions are converted into each other, as a definition says it (validateCustomResourceConversion). */
import { type FieldError, forbiddenField, invalidValue, notSupportedText, Path, type Path as At, required } from "../field.ts";
import { isDNS1035Label } from "../names.ts";
import type { CustomResourceDefinition } from "../types/apiextensions-v1.gen.ts";
import { validateCABundle, validateWebhookService, validateWebhookURL } from "../webhook-client.ts";
import { isTrue } from "./definition-status.ts";
import type { InternalSpec } from "./internal-spec.ts";

/** Versions of ConversionReview that the server speaks. */
export const acceptedReviewVersions: readonly string[] = ["v1", "v1beta1"];

/** A bundle that is none stays where it was, and is taken before anything is served. */
export function bundleMayBeInvalid(old: CustomResourceDefinition): boolean {
  if (!isTrue(old, "Established")) return true;
  const bundle = old.spec.conversion?.webhook?.clientConfig?.caBundle;
  return bundle ? validateCABundle(new Path("caBundle"), bundle).length > 0 : false;
}

export interface ConversionOptions {
  requireRecognizedReviewVersion: boolean;
  allowInvalidBundle: boolean;
}

export function validateConversion(conversion: InternalSpec["conversion"], at: At, options: ConversionOptions): FieldError[] {
  if (!conversion) return [];
  const { strategy, client, reviewVersions } = conversion;
  const errors: FieldError[] = [];
  if (strategy === "") errors.push(required(at.child("strategy")));
  else if (strategy !== "None" && strategy !== "Webhook") errors.push(notSupportedText(at.child("strategy"), strategy, ["None", "Webhook"]));
  const clientPath = at.child("webhookClientConfig");
  const versionsPath = at.child("conversionReviewVersions");
  if (strategy !== "Webhook") {
    const why = "should not be set when strategy is not set to Webhook";
    if (client) errors.push(forbiddenField(clientPath, why));
    if (reviewVersions.length) errors.push(forbiddenField(versionsPath, why));
    return errors;
  }
  if (!client) errors.push(required(clientPath, "required when strategy is set to Webhook"));
  else {
    if ((client.url === undefined) === (client.service === undefined)) errors.push(required(clientPath, "exactly one of url or service is required"));
    else if (client.url !== undefined) errors.push(...validateWebhookURL(clientPath.child("url"), client.url));
    else if (client.service) errors.push(...validateWebhookService(clientPath.child("service"), client.service));
    if (client.caBundle && !options.allowInvalidBundle) errors.push(...validateCABundle(clientPath.child("caBundle"), client.caBundle));
  }
  if (!reviewVersions.length) return [...errors, required(versionsPath)];
  const seen = new Set<string>();
  for (const [i, version] of reviewVersions.entries()) {
    if (seen.has(version)) errors.push(invalidValue(versionsPath.index(i), version, "duplicate version"));
    else for (const why of isDNS1035Label(version)) errors.push(invalidValue(versionsPath.index(i), version, why));
    seen.add(version);
  }
  if (options.requireRecognizedReviewVersion && !reviewVersions.some((version) => acceptedReviewVersions.includes(version)))
    errors.push(invalidValue(versionsPath, reviewVersions, `must include at least one of ${acceptedReviewVersions.join(", ")}`));
  return errors;
}
