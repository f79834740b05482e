/** Policies, their bindings and parameters, as the cases make them. */
import type { Request } from "../differential/exchange.ts";
import { type AdmissionCase, configMap, paths } from "./webhook-cases.ts";

export const apiVersion = "admissionregistration.k8s.io/v1";
export const everything = { operations: ["CREATE", "UPDATE"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] };
export const always = { ...everything, operations: ["*"] };

export const policy = (kind: "Validating" | "Mutating", name: string, spec: object, rules: object[] = [always]): Request => ({
  method: "POST",
  path: kind === "Validating" ? paths.policies : paths.mutatingPolicies,
  body: {
    apiVersion,
    kind: `${kind}AdmissionPolicy`,
    metadata: { name },
    spec: {
      matchConstraints: { resourceRules: rules, objectSelector: { matchLabels: { case: name } } },
      ...(kind === "Mutating" ? { reinvocationPolicy: "Never" } : {}),
      ...spec,
    },
  },
});
export const binding = (kind: "Validating" | "Mutating", name: string, spec: object = {}, id = name): Request => ({
  method: "POST",
  path: kind === "Validating" ? paths.policyBindings : paths.mutatingPolicyBindings,
  body: {
    apiVersion,
    kind: `${kind}AdmissionPolicyBinding`,
    metadata: { name: id },
    spec: { policyName: name, ...(kind === "Validating" ? { validationActions: ["Deny"] } : {}), ...spec },
  },
});
export const life = (name: string, more: object = {}): Request[] => [
  { method: "POST", path: `${paths.configMaps}?dryRun=All`, body: configMap(name, more) },
  { method: "POST", path: paths.configMaps, body: configMap(name, more) },
  { method: "GET", path: `${paths.configMaps}/${name}` },
  { method: "PUT", path: `${paths.configMaps}/${name}?fieldManager=m`, body: configMap(name, { data: { a: "2", b: "x" } }) },
  { method: "PATCH", path: `${paths.configMaps}/${name}`, body: { data: { c: "3" } }, headers: { "content-type": "application/merge-patch+json" } },
  { method: "DELETE", path: `${paths.configMaps}/${name}` },
];
export const validating = (name: string, spec: object, more: object = {}): AdmissionCase => ({
  name: `vap-${name}`,
  setup: [policy("Validating", `vap-${name}`, spec), binding("Validating", `vap-${name}`, more)],
  requests: life(`vap-${name}`),
});
export const expression = (name: string, text: string, more: object = {}): AdmissionCase => validating(name, { validations: [{ expression: text, ...more }] });
export const mutating = (name: string, mutations: object[], spec: object = {}, more: object = {}): AdmissionCase => ({
  name: `map-${name}`,
  setup: [policy("Mutating", `map-${name}`, { mutations, ...spec }, [everything]), binding("Mutating", `map-${name}`, more)],
  requests: life(`map-${name}`),
});
export const apply = (text: string): object => ({ patchType: "ApplyConfiguration", applyConfiguration: { expression: text } });
export const json = (text: string): object => ({ patchType: "JSONPatch", jsonPatch: { expression: text } });

export const param = (name: string, data: Record<string, string>, labels: Record<string, string> = {}): Request => ({
  method: "POST",
  path: paths.configMaps,
  body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data },
});
export const ofConfigMap = { apiVersion: "v1", kind: "ConfigMap" };
export const withParams = (name: string, paramRef: object | undefined, spec: object = {}, more: object = {}): AdmissionCase => ({
  name: `vap-${name}`,
  setup: [
    param(`p1-${name}`, { limit: "1" }, { params: name }),
    param(`p2-${name}`, { limit: "2" }, { params: name }),
    policy("Validating", `vap-${name}`, {
      paramKind: ofConfigMap,
      validations: [{ expression: "params == null || object.data.a != params.data.limit", messageExpression: "'must not be ' + params.data.limit" }],
      ...spec,
    }),
    binding("Validating", `vap-${name}`, { ...(paramRef ? { paramRef } : {}), ...more }),
  ],
  requests: life(`vap-${name}`),
});

export const deployment = (name: string, more: object = {}): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { case: name } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }], ...more } },
  },
});
export const onDeployment = (name: string, mutations: object[], spec: object = {}): AdmissionCase => ({
  name: `map-${name}`,
  setup: [policy("Mutating", `map-${name}`, { mutations, ...spec }, [{ ...everything, apiGroups: ["apps"] }]), binding("Mutating", `map-${name}`)],
  requests: [
    { method: "POST", path: paths.deployments, body: deployment(`map-${name}`) },
    { method: "GET", path: `${paths.deployments}/map-${name}` },
    { method: "DELETE", path: `${paths.deployments}/map-${name}` },
  ],
});
