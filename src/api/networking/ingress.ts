/** Ingresses (pkg/registry/networking/ingress). */
import { invalidAll } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, notSupported, type Path, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { isValidIPForLegacyField, parseIP, warningsForIP } from "../ip.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../meta/names.ts";
import { isDNS1123Subdomain, isPathSegmentName, isValidPortName, isValidPortNum, isWildcardDNS1123Subdomain } from "../names.ts";
import type { TypedLocalObjectReference } from "../types/core-v1.gen.ts";
import type { HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressSpec } from "../types/networking-v1.gen.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const specPath = path("spec");
const classAnnotation = "kubernetes.io/ingress.class";
const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const badSequences = ["//", "/./", "/../", "%2f", "%2F"];
const badSuffixes = ["/..", "/."];

function validateReference(reference: TypedLocalObjectReference, at: Path): FieldError[] {
  const { apiGroup, kind = "", name = "" } = reference;
  const segment = (value: string, field: string): FieldError[] =>
    value ? invalidAll(at.child(field), value, isPathSegmentName(value)) : [required(at.child(field))];
  const group = apiGroup === undefined || apiGroup === null ? [] : invalidAll(at.child("apiGroup"), apiGroup, isDNS1123Subdomain(apiGroup));
  return [...group, ...segment(kind, "kind"), ...segment(name, "name")];
}

function validateBackend({ service, resource }: IngressBackend, at: Path): FieldError[] {
  if (resource && service) return [invalidValue(at, "", "cannot set both resource and service backends")];
  if (resource) return validateReference(resource, at.child("resource"));
  if (!service) return [invalidValue(at, "", "resource or service backend is required")];
  const here = at.child("service");
  const { name: serviceName = "", port } = service;
  const { name = "", number = 0 } = port ?? {};
  const errors = serviceName ? invalidAll(here.child("name"), serviceName, nameIsDNSLabel(serviceName, false)) : [required(here.child("name"))];
  if (name && number) return [...errors, invalidValue(at, "", "cannot set both port name & port number")];
  if (name) return [...errors, ...invalidAll(here.child("port", "name"), name, isValidPortName(name))];
  if (number) return [...errors, ...invalidAll(here.child("port", "number"), number, isValidPortNum(number))];
  return [...errors, required(at, "port name or number is required")];
}

function validatePath({ pathType, path: text = "", backend }: HTTPIngressPath, at: Path): FieldError[] {
  if ((pathType ?? undefined) === undefined) return [required(at.child("pathType"), "pathType must be specified")];
  const here = at.child("path");
  const errors: FieldError[] = [];
  const absolute = (): void => {
    if (!text.startsWith("/")) errors.push(invalidValue(here, text, "must be an absolute path"));
  };
  if (pathType === "Exact" || pathType === "Prefix") {
    absolute();
    for (const sequence of badSequences) if (text.includes(sequence)) errors.push(invalidValue(here, text, `must not contain '${sequence}'`));
    for (const suffix of badSuffixes) if (text.endsWith(suffix)) errors.push(invalidValue(here, text, `cannot end with '${suffix}'`));
  } else if (pathType === "ImplementationSpecific") {
    if (text) absolute();
  } else errors.push(notSupported(at.child("pathType"), pathType, pathTypes));
  return [...errors, ...validateBackend(backend ?? {}, at.child("backend"))];
}

const isWildcard = (host: string): boolean => host.includes("*");
const hostMessages = (host: string): string[] => (isWildcard(host) ? isWildcardDNS1123Subdomain(host) : isDNS1123Subdomain(host));

function validateRuleValue({ http }: IngressRule, at: Path): FieldError[] {
  if (!http) return [];
  const here = at.child("http", "paths");
  return http.paths?.length ? http.paths.flatMap((entry, i) => validatePath(entry, here.index(i))) : [required(here)];
}

interface Leniency {
  anySecretName?: boolean;
  anyWildcardRule?: boolean;
}

function validateRule(rule: IngressRule, leniency: Leniency, at: Path): FieldError[] {
  const { host = "" } = rule;
  const errors: FieldError[] = [];
  if (parseIP(host)) errors.push(invalidValue(at.child("host"), host, "must be a DNS name, not an IP address"));
  if (host) errors.push(...invalidAll(at.child("host"), host, hostMessages(host)));
  return isWildcard(host) && leniency.anyWildcardRule ? errors : [...errors, ...validateRuleValue(rule, at)];
}

const secretNameMessages = (name: string | undefined): string[] => (name ? nameIsDNSSubdomain(name, false) : []);

function validateSpec(spec: IngressSpec, leniency: Leniency): FieldError[] {
  const { rules: list, defaultBackend, tls = [], ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (!list?.length && !defaultBackend) errors.push(invalidValue(specPath, list ?? null, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, specPath.child("defaultBackend")));
  errors.push(...(list ?? []).flatMap((rule, i) => validateRule(rule, leniency, specPath.child("rules").index(i))));
  for (const [i, { hosts, secretName }] of tls.entries()) {
    const at = specPath.child("tls").index(i);
    errors.push(...(hosts ?? []).flatMap((host, j) => invalidAll(at.child("hosts").index(j), host, hostMessages(host))));
    if (!leniency.anySecretName) errors.push(...invalidAll(at.child("secretName"), secretName, secretNameMessages(secretName)));
  }
  if (ingressClassName !== undefined)
    errors.push(...invalidAll(specPath.child("ingressClassName"), ingressClassName, nameIsDNSSubdomain(ingressClassName, false)));
  return errors;
}

function validate(ingress: Ingress): FieldError[] {
  const errors = [...validateMetadata(ingress.metadata, rules), ...validateSpec(ingress.spec, {})];
  const annotated = ingress.metadata.annotations?.[classAnnotation];
  const { ingressClassName } = ingress.spec;
  if (annotated !== undefined && ingressClassName !== undefined && annotated !== ingressClassName)
    errors.push(invalidValue(path("annotations", classAnnotation), annotated, "must match `ingressClassName` when both are specified"));
  return errors;
}

function validateUpdate(ingress: Ingress, old: Ingress): FieldError[] {
  const leniency = {
    anySecretName: (old.spec.tls ?? []).some(({ secretName }) => secretNameMessages(secretName).length > 0),
    anyWildcardRule: (old.spec.rules ?? []).some((rule) => isWildcard(rule.host ?? "") && validateRuleValue(rule, specPath).length > 0),
  };
  return [...validateMetadataUpdate(ingress.metadata, old.metadata), ...validateMetadata(ingress.metadata, rules), ...validateSpec(ingress.spec, leniency)];
}

const statusPath = path("status", "loadBalancer", "ingress");

function validateStatus(ingress: Ingress, old: Ingress): FieldError[] {
  const known = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  return (ingress.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const at = statusPath.index(i);
    const errors = ip ? isValidIPForLegacyField(at.child("ip"), ip, known) : [];
    if (!hostname) return errors;
    errors.push(...invalidAll(at.child("hostname"), hostname, isDNS1123Subdomain(hostname)));
    return parseIP(hostname) ? [...errors, invalidValue(at.child("hostname"), hostname, "must be a DNS name, not an IP address")] : errors;
  });
}

const shownHosts = 3;

function hostsCell(list: IngressRule[]): string {
  const named: string[] = [];
  let more = false;
  for (const { host } of list) {
    if (named.length === shownHosts) more = true;
    if (!more && host) named.push(host);
  }
  if (!named.length) return "*";
  return more ? `${named.join(",")} + ${list.length - shownHosts} more...` : named.join(",");
}

/** Tables are made for wide output, which is not cut. */
const addressCell = ({ status }: Ingress): string =>
  [...new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "").filter(Boolean))].sort().join(",");

export const ingressKind: Kind<Ingress> = {
  resource: "ingresses.networking.k8s.io",
  inert: "no ingress controller is part of this cluster: nothing serves an Ingress unless one is installed",
  setDefaults(ingress) {
    ingress.spec ??= {};
  },
  prepareForCreate(ingress) {
    ingress.status = {} as Ingress["status"];
    ingress.metadata.generation = 1;
  },
  validate,
  warnings: ({ metadata, spec }) =>
    metadata.annotations?.[classAnnotation] !== undefined && spec.ingressClassName === undefined
      ? [`annotation ${goQuote(classAnnotation)} is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
  prepareForUpdate(ingress, old) {
    ingress.status = old.status;
    if (!semanticEqual(ingress.spec, old.spec)) ingress.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate,
  subresources: {
    status: {
      prepareForUpdate(ingress, old) {
        ingress.spec = old.spec;
      },
      validateUpdate: (ingress, old) => [...validateMetadataUpdate(ingress.metadata, old.metadata), ...validateStatus(ingress, old)],
      warningsOnUpdate: (ingress) => (ingress.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) => (ip ? warningsForIP(statusPath.index(i), ip) : [])),
    },
  },
  cells(ingress, now) {
    return [
      ingress.metadata.name,
      ingress.spec.ingressClassName ?? "<none>",
      hostsCell(ingress.spec.rules ?? []),
      addressCell(ingress),
      ingress.spec.tls?.length ? "80, 443" : "80",
      age(ingress, now),
    ];
  },
};
