/** RuntimeClasses (pkg/registry/node/runtimeclass). */
import { validateImmutable } from "../apps/workload.ts";
import { invalidAll } from "../core/checks.ts";
import { deprecatedLabelMessage } from "../core/node-labels.ts";
import { age } from "../core/object-meta.ts";
import { validateContainerResources } from "../core/resources.ts";
import { validateTolerations } from "../core/tolerations.ts";
import { duplicate, type FieldError, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateLabels } from "../meta/labels.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import type { RuntimeClass, Scheduling } from "../types/node-v1.gen.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const metadata = path("metadata");
const scheduling = path("scheduling");

/** How long a toleration lasts does not make it another one. */
function validateScheduling({ nodeSelector, tolerations = [] }: Scheduling): FieldError[] {
  const at = scheduling.child("tolerations");
  const seen = new Set<string>();
  const errors = [...validateLabels(nodeSelector ?? {}, scheduling.child("nodeSelector")), ...validateTolerations(tolerations, at, {})];
  for (const [i, toleration] of tolerations.entries()) {
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
    const identity = JSON.stringify([key, operator, value, effect]);
    // The form of upstream's internal type.
    const shown = { Key: key, Operator: operator, Value: value, Effect: effect, TolerationSeconds: tolerationSeconds ?? null };
    if (seen.has(identity)) errors.push(duplicate(at.index(i), shown));
    seen.add(identity);
  }
  return errors;
}

function validate(item: RuntimeClass): FieldError[] {
  const { handler = "", overhead } = item;
  const errors = validateObjectMeta(item.metadata, rules, metadata);
  if (!handler) errors.push(required("handler"));
  else errors.push(...invalidAll(path("handler"), handler, nameIsDNSLabel(handler, false)));
  if (overhead) errors.push(...validateContainerResources({ limits: overhead.podFixed }, new Set(), path("overhead"), { undefaulted: true }));
  return item.scheduling ? [...errors, ...validateScheduling(item.scheduling)] : errors;
}

const warnings = (item: RuntimeClass): string[] =>
  Object.keys(item.scheduling?.nodeSelector ?? {}).flatMap((key) => {
    const message = deprecatedLabelMessage(key);
    return message ? [`${scheduling.child("nodeSelector")}: ${message}`] : [];
  });

export const runtimeClassKind: Kind<RuntimeClass> = {
  resource: "runtimeclasses.node.k8s.io",
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate,
  warnings,
  validateUpdate: (item, old) => [
    ...validate(item),
    ...validateObjectMetaUpdate(item.metadata, old.metadata, metadata),
    ...validateImmutable(item.handler ?? "", old.handler ?? "", path("handler")),
  ],
  warningsOnUpdate: warnings,
  cells: (item, now) => [item.metadata.name, item.handler ?? "", age(item, now)],
};
