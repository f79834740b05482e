/** ServiceCIDRs (pkg/registry/networking/servicecidr). */
import { fieldImmutableMessage } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { type FieldError, invalidValue, path, required } from "../field.ts";
import { isValidCIDR, parseCIDR } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { resetMetadata } from "../meta/status-update.ts";
import type { ServiceCIDR } from "../types/networking-v1.gen.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec", "cidrs");
const familyOf = (cidr: string): number | undefined => parseCIDR(cidr)?.ip.bytes.length;

function validateSpec({ spec }: ServiceCIDR): FieldError[] {
  const cidrs = spec.cidrs ?? [];
  if (!cidrs.length) return [required(at, "at least one CIDR required")];
  if (cidrs.length > 2) return [invalidValue(at, { CIDRs: cidrs }, "may only hold up to 2 values")];
  const errors = cidrs.flatMap((cidr, i) => isValidCIDR(at.index(i), cidr));
  const [first, second] = cidrs.map(familyOf);
  if (cidrs.length === 2 && first === second && first !== undefined)
    errors.push(invalidValue(at, cidrs, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"));
  return errors;
}

/** A second family may be added; nothing else changes. */
function validateSpecUpdate(item: ServiceCIDR, old: ServiceCIDR): FieldError[] {
  const [now, was] = [item.spec.cidrs ?? [], old.spec.cidrs ?? []];
  const changed = was.flatMap((cidr, i) => (now[i] === cidr ? [] : [invalidValue(at.index(i), now[i] ?? "", fieldImmutableMessage)]));
  if (now.length === was.length) return changed;
  if (was.length === 1 && now.length === 2) return [...changed, ...validateSpec(item)];
  return [invalidValue(at, item.spec.cidrs ?? null, fieldImmutableMessage)];
}

export const serviceCIDRKind: Kind<ServiceCIDR> = {
  resource: "servicecidrs.networking.k8s.io",
  setDefaults(item) {
    item.spec ??= {};
    item.status ??= {};
  },
  validate: (item) => [...validateMetadata(item.metadata, rules), ...validateSpec(item)],
  validateUpdate: (item, old) => [...validateMetadataUpdate(item.metadata, old.metadata), ...validateSpecUpdate(item, old)],
  subresources: {
    status: {
      prepareForUpdate(item, old) {
        item.spec = old.spec;
        resetMetadata(item.metadata, old.metadata);
      },
      validateUpdate: (item, old) => validateMetadataUpdate(item.metadata, old.metadata),
    },
  },
  cells: (item, now) => [item.metadata.name, (item.spec.cidrs ?? []).join(","), age(item, now)],
};
