/** The linked fields clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy of a Service. */
import { duplicate, type FieldError, invalidValue, path, required, invalidNamed } from "../field.ts";
import { isIPv6, isValidIPForLegacyField } from "../ip.ts";
import { seenBefore } from "../seen.ts";
import type { Service } from "../types/core-v1.gen.ts";
import { oneOf } from "./checks.ts";

export const isHeadless = (service: Service): boolean => service.spec.clusterIPs?.length === 1 && service.spec.clusterIPs[0] === "None";

const spec = path("spec");
const ipsPath = spec.child("clusterIPs");
const familiesPath = spec.child("ipFamilies");

export function validateClusterIPs(service: Service, old: Service | undefined): FieldError[] {
  const { type, clusterIP, clusterIPs: ips = [], ipFamilies: families = [], ipFamilyPolicy } = service.spec;
  if (type === "ExternalName") return [];
  const errors: FieldError[] = [];
  if (clusterIP) {
    if (!ips.length) errors.push(required(ipsPath));
    else if (ips[0] !== clusterIP) errors.push(invalidValue(ipsPath, ips, "first value must match `clusterIP`"));
  } else if (ips.length) errors.push(invalidValue(ipsPath, ips, "must be empty when `clusterIP` is not specified"));
  const seen = seenBefore<string>();
  for (const [i, family] of families.entries()) {
    errors.push(...oneOf(family, ["IPv4", "IPv6"], familiesPath.index(i)));
    if (seen(family)) errors.push(duplicate(familiesPath.index(i), family));
  }
  if (ipFamilyPolicy !== undefined) errors.push(...oneOf(ipFamilyPolicy, ["PreferDualStack", "RequireDualStack", "SingleStack"], spec.child("ipFamilyPolicy")));
  let malformed = false;
  for (const [i, ip] of ips.entries()) {
    if (i === 0 && ip === "None") {
      if (ips.length > 1) {
        malformed = true;
        errors.push(invalidValue(ipsPath, ips, "'None' must be the first and only value"));
      }
      continue;
    }
    const found = isValidIPForLegacyField(ipsPath.index(i), ip, old?.spec.clusterIPs);
    malformed ||= found.length > 0;
    errors.push(...found);
  }
  if (ips.length > 2) errors.push(invalidValue(ipsPath, ips, "may only hold up to 2 values"));
  if (malformed) return errors;
  if (ips.length > 1 && new Set(ips.map(isIPv6)).size < 2) errors.push(invalidValue(ipsPath, ips, "may specify no more than one IP for each IP family"));
  if (isHeadless(service)) return errors;
  for (const [i, ip] of ips.entries()) {
    const family = families[i];
    const expected = family === "IPv4" && isIPv6(ip) ? "IPv4" : family === "IPv6" && !isIPv6(ip) ? "IPv6" : undefined;
    if (expected) errors.push(invalidValue(ipsPath.index(i), ip, `expected an ${expected} value as indicated by \`ipFamilies[${i}]\``));
  }
  return errors;
}

/** The first address and family stay; the second may come and go. */
export function validateClusterIPChange(service: Service, old: Service): FieldError[] {
  if (service.spec.type === "ExternalName" || old.spec.type === "ExternalName") return [];
  const both = isHeadless(service) && isHeadless(old);
  return [...(both ? [] : validateIpsChange(service, old)), ...(isHeadless(service) || isHeadless(old) ? [] : validateFamiliesChange(service, old))];
}

function validateIpsChange(service: Service, old: Service): FieldError[] {
  const ips = service.spec.clusterIPs ?? [];
  const before = old.spec.clusterIPs ?? [];
  const changed = (i: number): FieldError => invalidValue(ipsPath.index(i), service.spec.clusterIPs, "may not change once set");
  if (before.length === ips.length) return before.flatMap((ip, i) => (ip === ips[i] ? [] : [changed(i)]));
  const errors: FieldError[] = [];
  if (before.length > ips.length && ips.length === 0)
    errors.push(invalidValue(ipsPath.index(0), service.spec.clusterIPs, "primary clusterIP can not be unset"));
  if (before.length && ips.length && ips[0] !== before[0]) errors.push(changed(0));
  if (before.length > ips.length && ips.length === 1 && service.spec.ipFamilyPolicy !== "SingleStack") {
    errors.push(invalidNamed(spec.child("ipFamilyPolicy"), service.spec.ipFamilyPolicy, "must be set to 'SingleStack' when releasing the secondary clusterIP"));
  }
  return errors;
}

function validateFamiliesChange(service: Service, old: Service): FieldError[] {
  const { ipFamilies, clusterIPs, ipFamilyPolicy } = service.spec;
  const families = ipFamilies ?? [];
  const before = old.spec.ipFamilies ?? [];
  const first = familiesPath.index(0);
  const changed = (value: unknown): FieldError => invalidValue(first, value, "may not change once set");
  if (before.length === families.length) return before.flatMap((family, i) => (family === families[i] ? [] : [changed(ipFamilies)]));
  const errors: FieldError[] = [];
  if (before.length > families.length && !clusterIPs?.length) errors.push(invalidValue(first, ipFamilies, "primary ipFamily can not be unset"));
  if (before.length && families.length && families[0] !== before[0]) errors.push(changed(clusterIPs));
  if (before.length > families.length && families.length === 1 && ipFamilyPolicy !== "SingleStack")
    errors.push(invalidNamed(spec.child("ipFamilyPolicy"), ipFamilyPolicy, "must be set to 'SingleStack' when releasing the secondary ipFamily"));
  return errors;
}
