/** HorizontalPodAutoscalers, stored as autoscaling/v2 (pkg/registry/autoscaling/horizontalpodautoscaler). */
import { nonNegativeFields } from "../apps/workload.ts";
import { isNegativeMessage } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { canonicalQuantity, quantityOf } from "../core/resource-list.ts";
import { type FieldError, invalidValue, notSupported, type Path, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { HorizontalPodAutoscaler, HPAScalingPolicy, HPAScalingRules, MetricSpec } from "../types/autoscaling-v2.gen.ts";
import { apiVersionError, metricsCell, type ReferenceOptions, validateMetrics, validateReference } from "./metric-specs.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const at = path("spec");
const maxPeriod = 1800;
const maxWindow = 3600;
const selectPolicies = ["Disabled", "Max", "Min"];
const policyTypes = ["Percent", "Pods"];

function validatePolicy({ type = "", value = 0, periodSeconds = 0 }: HPAScalingPolicy, here: Path): FieldError[] {
  const errors: FieldError[] = policyTypes.includes(type) ? [] : [notSupported(here.child("type"), type, policyTypes)];
  if (value <= 0) errors.push(invalidValue(here.child("value"), value, "must be greater than zero"));
  if (periodSeconds <= 0) errors.push(invalidValue(here.child("periodSeconds"), periodSeconds, "must be greater than zero"));
  if (periodSeconds > maxPeriod) errors.push(invalidValue(here.child("periodSeconds"), periodSeconds, `must be less than or equal to ${maxPeriod}`));
  return errors;
}

function validateRules(given: HPAScalingRules | undefined, here: Path): FieldError[] {
  if (!given) return [];
  const { stabilizationWindowSeconds: window = 0, selectPolicy, policies = [], tolerance } = given;
  const windowPath = here.child("stabilizationWindowSeconds");
  const errors: FieldError[] = window < 0 ? [invalidValue(windowPath, window, "must be greater than or equal to zero")] : [];
  if (window > maxWindow) errors.push(invalidValue(windowPath, window, `must be less than or equal to ${maxWindow}`));
  if (selectPolicy !== undefined && !selectPolicies.includes(selectPolicy)) errors.push(notSupported(here.child("selectPolicy"), selectPolicy, selectPolicies));
  const list = here.child("policies");
  if (!policies.length) errors.push(required(list, "must specify at least one Policy"));
  errors.push(...policies.flatMap((policy, i) => validatePolicy(policy, list.index(i))));
  if (tolerance !== undefined && quantityOf(tolerance).sign() < 0)
    errors.push(invalidValue(here.child("tolerance"), canonicalQuantity(tolerance), isNegativeMessage));
  return errors;
}

function referenceOptions(scaler: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler | undefined): ReferenceOptions {
  const { kind = "", apiVersion = "" } = scaler.spec.scaleTargetRef ?? {};
  const before = old?.spec.scaleTargetRef;
  if (before && (before.apiVersion ?? "") === apiVersion && before.kind === kind) return { allowAnyVersion: true };
  return kind === "ReplicationController" ? { allowEmptyGroup: true } : {};
}

const isBadObjectMetric = ({ type, object }: MetricSpec): boolean =>
  type === "Object" && object !== undefined && apiVersionError(object.describedObject.apiVersion ?? "", { allowEmptyGroup: true }) !== undefined;

function validateSpec(scaler: HorizontalPodAutoscaler, old?: HorizontalPodAutoscaler): FieldError[] {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = scaler.spec;
  const least = old?.spec.minReplicas === 0 ? 0 : 1;
  const errors: FieldError[] = [];
  const maxPath = at.child("maxReplicas");
  if (minReplicas !== undefined && minReplicas < least)
    errors.push(invalidValue(at.child("minReplicas"), minReplicas, `must be greater than or equal to ${least}`));
  if (maxReplicas === 0) errors.push(required(maxPath, "must be set and greater than 0"));
  else if (maxReplicas < 0) errors.push(invalidValue(maxPath, maxReplicas, "must be greater than or equal to 1"));
  if (minReplicas !== undefined && maxReplicas < minReplicas) errors.push(invalidValue(maxPath, maxReplicas, "must be greater than or equal to `minReplicas`"));
  errors.push(...validateReference(scaleTargetRef ?? {}, at.child("scaleTargetRef"), referenceOptions(scaler, old)));
  const allowAnyVersion = (old?.spec.metrics ?? []).some(isBadObjectMetric);
  errors.push(...validateMetrics(metrics, minReplicas, at.child("metrics"), { allowEmptyGroup: true, allowAnyVersion }));
  const here = at.child("behavior");
  return [...errors, ...validateRules(behavior?.scaleUp, here.child("scaleUp")), ...validateRules(behavior?.scaleDown, here.child("scaleDown"))];
}

const defaultRules = (up: boolean): HPAScalingRules => ({
  ...(up ? { stabilizationWindowSeconds: 0 } : {}),
  selectPolicy: "Max",
  policies: [...(up ? [{ type: "Pods", value: 4, periodSeconds: 15 }] : []), { type: "Percent", value: 100, periodSeconds: 15 }],
});

const withDefaults = (given: HPAScalingRules | undefined, up: boolean): HPAScalingRules =>
  ({ ...defaultRules(up), ...Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined && value !== null)) }) as HPAScalingRules;

const noStatus = (): HorizontalPodAutoscaler["status"] => ({ desiredReplicas: 0 }) as HorizontalPodAutoscaler["status"];

const prefix = "autoscaling.alpha.kubernetes.io";
/** What the older version says in annotations, the stored one says in fields: it has none of them. */
export const roundTripAnnotations = {
  metrics: `${prefix}/metrics`,
  currentMetrics: `${prefix}/current-metrics`,
  conditions: `${prefix}/conditions`,
  behavior: `${prefix}/behavior`,
  downTolerance: `${prefix}/scale-down-tolerance`,
  upTolerance: `${prefix}/scale-up-tolerance`,
};

export const horizontalPodAutoscalerKind: Kind<HorizontalPodAutoscaler> = {
  resource: "horizontalpodautoscalers.autoscaling",
  setDefaults(scaler) {
    scaler.spec ??= {} as HorizontalPodAutoscaler["spec"];
    const { spec } = scaler;
    spec.minReplicas ??= 1;
    // The older version gets its target in the conversion, which knows the annotations.
    if (scaler.apiVersion === "autoscaling/v1") return;
    for (const key of Object.values(roundTripAnnotations)) delete scaler.metadata.annotations?.[key];
    if (!spec.metrics?.length)
      spec.metrics = [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } }] as unknown as MetricSpec[];
    if (!spec.behavior) return;
    spec.behavior.scaleUp = withDefaults(spec.behavior.scaleUp, true);
    spec.behavior.scaleDown = withDefaults(spec.behavior.scaleDown, false);
  },
  prepareForCreate(scaler) {
    scaler.status = noStatus();
  },
  validate: (scaler) => [...validateMetadata(scaler.metadata, rules), ...validateSpec(scaler)],
  prepareForUpdate(scaler, old) {
    scaler.status = old.status;
  },
  validateUpdate: (scaler, old) => [...validateMetadataUpdate(scaler.metadata, old.metadata), ...validateSpec(scaler, old)],
  subresources: {
    status: {
      prepareForUpdate(scaler, old) {
        scaler.spec = old.spec;
      },
      validateUpdate: (scaler, old) => [
        ...validateMetadataUpdate(scaler.metadata, old.metadata),
        ...nonNegativeFields(scaler.status, ["currentReplicas", "desiredReplicas"], path("status")),
      ],
    },
  },
  cells: (scaler, now) => [
    scaler.metadata.name,
    `${scaler.spec.scaleTargetRef?.kind ?? ""}/${scaler.spec.scaleTargetRef?.name ?? ""}`,
    metricsCell(scaler.spec.metrics, scaler.status?.currentMetrics),
    scaler.spec.minReplicas === undefined ? "<unset>" : String(scaler.spec.minReplicas),
    scaler.spec.maxReplicas ?? 0,
    scaler.status?.currentReplicas ?? 0,
    age(scaler, now),
  ],
};
