/** APIServices (k8s.io/kube-aggregator/pkg/registry/apiservice). */
import { invalidAll } from "../core/checks.ts";
import { age } from "../core/object-meta.ts";
import { type FieldError, invalidValue, notSupported, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { Kind } from "../kind.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "../meta/validation.ts";
import { isDNS1035Label, isDNS1123Subdomain, isPathSegmentName, isValidPortNum } from "../names.ts";
import type { APIService } from "../types/apiregistration-v1.gen.ts";

const at = path("spec");
const metadata = path("metadata");

function nameRule({ spec }: APIService): (name: string) => string[] {
  const expected = `${spec.version ?? ""}.${spec.group ?? ""}`;
  return (name) => {
    const wrong = isPathSegmentName(name);
    return wrong.length || name === expected ? wrong : [`must be \`spec.version+"."+spec.group\`: ${goQuote(expected)}`];
  };
}

function validateService({ spec }: APIService): FieldError[] {
  const { service, caBundle = "", insecureSkipTLSVerify: insecure = false } = spec;
  const errors: FieldError[] = [];
  const insecurePath = at.child("insecureSkipTLSVerify");
  if (!service) {
    const size = Buffer.from(caBundle, "base64").length;
    if (size) errors.push(invalidValue(at.child("caBundle"), `${size} bytes`, "local APIServices may not have a caBundle"));
    if (insecure) errors.push(invalidValue(insecurePath, insecure, "local APIServices may not have insecureSkipTLSVerify"));
    return errors;
  }
  const here = at.child("service");
  for (const field of ["namespace", "name"] as const) if (!service[field]) errors.push(required(here.child(field)));
  const wrong = isValidPortNum(service.port ?? 0);
  if (wrong.length) errors.push(invalidValue(here.child("port"), service.port ?? 0, `port is not valid: ${wrong.join(", ")}`));
  if (insecure && caBundle) errors.push(invalidValue(insecurePath, insecure, "may not be true if caBundle is present"));
  return errors;
}

function validate(item: APIService): FieldError[] {
  const { group = "", version = "", groupPriorityMinimum: minimum = 0, versionPriority: priority = 0 } = item.spec;
  const errors = validateObjectMeta(item.metadata, { namespaced: false, validateName: nameRule(item) }, metadata);
  if (!group && version !== "v1") errors.push(required(at.child("group"), "only v1 may have an empty group and it better be legacy kube"));
  if (group) errors.push(...invalidAll(at.child("group"), group, isDNS1123Subdomain(group)));
  errors.push(...invalidAll(at.child("version"), version, isDNS1035Label(version)));
  if (minimum <= 0 || minimum > 20_000) errors.push(invalidValue(at.child("groupPriorityMinimum"), minimum, "must be positive and less than 20000"));
  if (priority <= 0 || priority > 1000) errors.push(invalidValue(at.child("versionPriority"), priority, "must be positive and less than 1000"));
  return [...errors, ...validateService(item)];
}

const statuses = ["True", "False", "Unknown"];

function availability({ status }: APIService): string {
  const condition = status?.conditions?.find((c) => c.type === "Available");
  if (!condition) return "Unknown";
  return condition.status === "True" || !condition.reason ? condition.status : `${condition.status} (${condition.reason})`;
}

export const apiServiceKind: Kind<APIService> = {
  resource: "apiservices.apiregistration.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults(item) {
    item.spec ??= { groupPriorityMinimum: 0, versionPriority: 0 };
    if (item.spec.service) item.spec.service.port ??= 443;
  },
  prepareForCreate(item) {
    const lastTransitionTime = item.metadata.creationTimestamp;
    const message = "Local APIServices are always available";
    item.status = item.spec.service
      ? {}
      : { conditions: [{ type: "Available", status: "True", ...(lastTransitionTime ? { lastTransitionTime } : {}), reason: "Local", message }] };
  },
  validate,
  prepareForUpdate(item, old) {
    item.status = old.status;
  },
  validateUpdate: (item, old) => [...validateObjectMetaUpdate(item.metadata, old.metadata, metadata), ...validate(item)],
  subresources: {
    status: {
      prepareForUpdate(item, old) {
        item.spec = old.spec;
        const { labels, annotations, finalizers, ownerReferences } = old.metadata;
        Object.assign(item.metadata, { labels, annotations, finalizers, ownerReferences });
      },
      validateUpdate: (item, old) => [
        ...validateObjectMetaUpdate(item.metadata, old.metadata, metadata),
        ...(item.status?.conditions ?? []).flatMap((condition, i) =>
          statuses.includes(condition.status) ? [] : [notSupported(path("status", "conditions").index(i).child("status"), condition.status ?? "", statuses)],
        ),
      ],
    },
  },
  cells: (item, now) => {
    const { service } = item.spec;
    return [item.metadata.name, service ? `${service.namespace ?? ""}/${service.name ?? ""}` : "Local", availability(item), age(item, now)];
  },
};
