/** Whether the images of a pod may run is asked outside (plugin/pkg/admission/imagepolicy). */
import { parseJSON } from "../../../api/codec/json.ts";
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { parseYAML } from "../../../api/codec/yaml.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { JSONObject, JSONValue } from "../../../api/json.ts";
import { StatusError } from "../../../api/status.ts";
import { formatDuration } from "../../../api/time.ts";
import type { Pod } from "../../../api/types/core-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { RecentMap } from "../../../base/recent-map.ts";
import { ConfigurationError, decodeValue } from "../../configuration-file.ts";
import { withBackoff } from "../../outside/backoff.ts";
import { KubeconfigError, type KubeconfigTarget, readKubeconfig } from "../../outside/kubeconfig.ts";
import { KubeconfigWebhook } from "../../outside/kubeconfig-webhook.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { concerns, refuse } from "../refuse.ts";
import type { OutgoingSeries } from "../../outside/post.ts";

export interface ImagePolicy {
  target: KubeconfigTarget;
  /** Milliseconds for which an answer holds. */
  allowTTL: number;
  denyTTL: number;
  /** Milliseconds before a question is asked again. */
  retryBackoff: number;
  /** Whether pods are admitted when nobody answers. */
  defaultAllow: boolean;
}
interface Given {
  kubeConfigFile?: string;
  allowTTL?: number;
  denyTTL?: number;
  retryBackoff?: number;
  defaultAllow?: boolean;
}
interface ReviewStatus {
  allowed?: boolean;
  reason?: string;
  auditAnnotations?: Record<string, string>;
}

const section = {
  go: "imagepolicy.imagePolicyWebhookConfig",
  fields: { kubeConfigFile: "string", allowTTL: "int64", denyTTL: "int64", retryBackoff: "int64", defaultAllow: "bool" },
} as const;
const status = {
  go: "v1alpha1.ImageReview",
  fields: { status: { go: "v1alpha1.ImageReviewStatus", fields: { allowed: "bool", reason: "string", auditAnnotations: { map: "string" } } } },
} as const;
const apiVersion = "imagepolicy.k8s.io/v1alpha1";
const kind = "ImageReview";
/** Milliseconds for an answer. */
const patience = 30_000;
const remembered = 1024;
const minute = 60_000;

/** -1 is none, 0 the usual; bounds are in milliseconds. */
function duration(value: number | undefined, { unit, least, most, usual }: { unit: number; least: number; most: number; usual: number }): number {
  if (value === -1) return 0;
  if (!value) return usual;
  const wanted = value * unit;
  if (wanted < least || wanted > most)
    throw new ConfigurationError(`valid value is between ${formatDuration(least)} and ${formatDuration(most)}, got ${formatDuration(wanted)}`);
  return wanted;
}

/** The section `imagePolicy`. Throws ConfigurationError. */
export function readImagePolicy(text: string): ImagePolicy {
  let value: JSONValue;
  try {
    ({ value } = parseYAML(text));
  } catch (error) {
    if (error instanceof DecodeError) throw new ConfigurationError(error.message);
    throw error;
  }
  const given = decodeValue<Given>((value as JSONObject | null)?.imagePolicy ?? {}, section) ?? {};
  const retryBackoff = duration(given.retryBackoff, { unit: 1, least: 1e-6, most: 5 * minute, usual: 500 });
  const allowTTL = duration(given.allowTTL, { unit: 1000, least: 1000, most: 30 * minute, usual: 5 * minute });
  const denyTTL = duration(given.denyTTL, { unit: 1000, least: 1000, most: 30 * minute, usual: 30_000 });
  try {
    return { target: readKubeconfig(given.kubeConfigFile ?? ""), allowTTL, denyTTL, retryBackoff, defaultAllow: given.defaultAllow ?? false };
  } catch (error) {
    if (error instanceof KubeconfigError) throw new ConfigurationError(error.message);
    throw error;
  }
}

export interface ImagePolicyOptions {
  policy: ImagePolicy | undefined;
  clock: Clock;
  random: Random;
  outgoing?: OutgoingSeries | undefined;
}

/** Throws ConfigurationError where there is no policy. */
export function imagePolicyWebhook({ policy, clock, random, outgoing }: ImagePolicyOptions): AdmissionPlugin {
  if (!policy)
    throw new ConfigurationError(`admission plugin ${goQuote("ImagePolicyWebhook")} has no configuration: name its webhook in --admission-control-config-file`);
  const webhook = new KubeconfigWebhook({ target: policy.target, clock, timeout: patience, outgoing });
  const answers = new RecentMap<{ status: ReviewStatus; until: number }>(remembered);

  const ask = async (spec: object, signal: AbortSignal): Promise<ReviewStatus> => {
    const key = JSON.stringify(spec);
    const known = answers.get(key);
    if (known && clock.monotonic() < known.until) return known.status;
    const body = Buffer.from(JSON.stringify({ kind, apiVersion, metadata: {}, spec, status: { allowed: false } }));
    const answer = await withBackoff(() => webhook.ask(body, signal), { clock, random, signal, firstDelay: policy.retryBackoff });
    const given = answerOf(answer.body.toString("utf8"));
    answers.set(key, { status: given, until: clock.monotonic() + (given.allowed ? policy.allowTTL : policy.denyTTL) });
    return given;
  };

  const decide = async (attributes: AdmissionAttributes): Promise<void> => {
    let given: ReviewStatus;
    try {
      given = await ask(reviewOf(attributes), attributes.request.signal);
    } catch (error) {
      if (!policy.defaultAllow) throw error instanceof StatusError && error.reason === "Forbidden" ? error : refuse(attributes, (error as Error).message);
      attributes.annotate?.("imagepolicywebhook.image-policy.k8s.io/failed-open", "true");
      return;
    }
    for (const [name, value] of Object.entries(given.auditAnnotations ?? {})) attributes.annotate?.(`imagepolicywebhook.image-policy.k8s.io/${name}`, value);
    if (given.allowed) return;
    const why = given.reason ? `image policy webhook backend denied one or more images: ${given.reason}` : "one or more images rejected by webhook backend";
    throw refuse(attributes, why);
  };
  return {
    name: "ImagePolicyWebhook",
    validate(attributes) {
      if (!concerns(attributes, "pods", "ephemeralcontainers")) return undefined;
      return decide(attributes);
    },
    [Symbol.dispose]: () => webhook[Symbol.dispose](),
  };
}

function reviewOf({ object, subresource, namespace }: AdmissionAttributes): object {
  const { metadata, spec } = object as Pod;
  const asked = subresource ? (spec.ephemeralContainers ?? []) : [...spec.containers, ...(spec.initContainers ?? [])];
  const noted = Object.entries(metadata.annotations ?? {}).filter(([name]) => name.includes(".image-policy.k8s.io/"));
  return {
    ...(asked.length ? { containers: asked.map(({ image }) => (image ? { image } : {})) } : {}),
    ...(noted.length ? { annotations: Object.fromEntries(noted.sort()) } : {}),
    ...(namespace ? { namespace } : {}),
  };
}

/** What does not say what it is is a review. Throws an Error for anything else. */
function answerOf(text: string): ReviewStatus {
  const { value } = parseJSON(text);
  const review = value as JSONObject;
  const { kind: given = kind, apiVersion: version = apiVersion } = review ?? {};
  if (given !== kind || version !== apiVersion) throw new Error(`no kind ${goQuote(String(given))} is registered for version ${goQuote(String(version))}`);
  return decodeValue<{ status?: ReviewStatus }>(review, status)?.status ?? {};
}
