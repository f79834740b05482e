/** No more events than the rates allow: of all, of a namespace, of a user, of a source and its object (plugin/pkg/admission/eventratelimit). */
import { type FieldError, invalidValue, notSupported, path } from "../../../api/field.ts";
import { goQuote } from "../../../api/go-quote.ts";
import { StatusError } from "../../../api/status.ts";
import type { Event } from "../../../api/types/core-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import { RecentMap } from "../../../base/recent-map.ts";
import { TokenBucket } from "../../../base/token-bucket.ts";
import { type ConfigurationKind, ConfigurationError, decodeConfiguration, throwFieldErrors } from "../../configuration-file.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";

type LimitType = keyof typeof keyOf;
export interface EventLimit {
  type: LimitType;
  /** Events a second. */
  qps: number;
  burst: number;
  /** Buckets that are remembered. @default 4096 */
  cacheSize?: number;
}

const limit = { go: "v1alpha1.Limit", fields: { type: "string", qps: "int", burst: "int", cacheSize: "int" } } as const;
const kind: ConfigurationKind = {
  kind: "Configuration",
  versions: ["eventratelimit.admission.k8s.io/v1alpha1"],
  fields: { limits: { list: limit } },
};

const keyOf = {
  Server: () => "",
  Namespace: ({ namespace }: AdmissionAttributes) => namespace,
  User: ({ user }: AdmissionAttributes) => user.name,
  SourceAndObject({ object }: AdmissionAttributes) {
    const { source, involvedObject } = object as unknown as Event;
    const { kind, namespace, name, uid, apiVersion } = involvedObject;
    return [source?.component, source?.host, kind, namespace, name, uid, apiVersion].map((part) => part ?? "").join("");
  },
};

/** Throws ConfigurationError. */
export function readEventRateLimit(text: string): EventLimit[] {
  const { limits: given } = decodeConfiguration<{ limits?: EventLimit[] }>(text, kind);
  const limits = given ?? [];
  const errors: FieldError[] = limits.length ? [] : [invalidValue(path("limits"), given ?? null, "must not be empty")];
  for (const [i, { type, burst = 0, qps = 0, cacheSize = 0 }] of limits.entries()) {
    const at = path("limits").index(i);
    if (!Object.hasOwn(keyOf, type ?? "")) errors.push(notSupported(at.child("type"), type ?? "", Object.keys(keyOf)));
    if (burst <= 0) errors.push(invalidValue(at.child("burst"), burst, "must be positive"));
    if (qps <= 0) errors.push(invalidValue(at.child("qps"), qps, "must be positive"));
    if (type !== "Server" && cacheSize < 0) errors.push(invalidValue(at.child("cacheSize"), cacheSize, "must not be negative"));
  }
  throwFieldErrors(errors);
  return limits;
}

/** Throws ConfigurationError where there are no limits. */
export function eventRateLimit({ limits, clock }: { limits: readonly EventLimit[] | undefined; clock: Clock }): AdmissionPlugin {
  if (!limits)
    throw new ConfigurationError(`admission plugin ${goQuote("EventRateLimit")} has no configuration: name its limits in --admission-control-config-file`);
  const enforced = limits.map(({ type, qps, burst, cacheSize }) => {
    const buckets = new RecentMap<TokenBucket>(cacheSize || 4096);
    return (attributes: AdmissionAttributes): string | undefined => {
      const key = keyOf[type](attributes);
      const bucket = buckets.get(key) ?? new TokenBucket(clock, qps, burst);
      buckets.set(key, bucket);
      return bucket.tryTake() ? undefined : `limit reached on type ${type} for key ${key}`;
    };
  });
  return {
    name: "EventRateLimit",
    validate(attributes) {
      const { resource, dryRun } = attributes;
      if (resource.resource !== "events" || resource.group !== "" || dryRun) return;
      const reached = [...new Set(enforced.flatMap((accept) => accept(attributes) ?? []))];
      if (!reached.length) return;
      const why = reached.length === 1 ? reached[0] : `[${reached.join(", ")}]`;
      throw new StatusError({ code: 429, reason: "TooManyRequests", message: `Too many requests: ${why}` });
    },
  };
}
