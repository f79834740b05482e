/**
 * Rules for metadata.name, in the form that Kind.validateName takes (k8s.io/apimachinery/pkg/api/validation/generic.go).
 * `prefix` is true for metadata.generateName, which may end in a dash.
 */
import { cutBytes, isDNS1123Label, isDNS1123Subdomain, isLongName, isPathSegmentName, isPathSegmentPrefix } from "../names.ts";

export type NameRule = (name: string, prefix: boolean) => string[];

/** Upstream drops two characters and puts one, so that a dash at the end does not count. */
const maskTrailingDash = (name: string): string => (name.length > 1 && name.endsWith("-") ? `${cutBytes(name, 0, -2)}a` : name);
const rule =
  (check: (name: string) => string[]): NameRule =>
  (name, prefix) =>
    check(prefix ? maskTrailingDash(name) : name);

export const nameIsDNSSubdomain: NameRule = rule(isDNS1123Subdomain);
/** Where validation is declarative generateName is not looked at: what is made of it is judged. */
export const nameIsLong: NameRule = (name, prefix) => (prefix ? [] : isLongName(name));
export const nameIsDNSLabel: NameRule = rule(isDNS1123Label);
/** For RBAC objects and others whose names only have to fit into a URL's path. */
export const pathSegmentName: NameRule = (name, prefix) => (prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name));
