/** Requests for the differential run. Each case makes its own namespace's objects and takes them away. */
import { moreCases } from "./more-cases.ts";

export interface Step {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  path: string;
  /** Strings are sent as they are. `{rv}` and `{uid}` stand for the last answer's. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent by one of the server's `others`. */
  client?: string;
  /** Fields that differ by nature in this answer. */
  hide?: readonly string[];
  /** Asked again, for five seconds at most, until the answer's JSON has this text. */
  until?: string;
}
export interface Case {
  name: string;
  steps: Step[];
}

const core = "/api/v1/namespaces/default";
const apps = "/apis/apps/v1/namespaces/default";
export const merge = { "content-type": "application/merge-patch+json" };
export const json = { "content-type": "application/json-patch+json" };
export const strategic = { "content-type": "application/strategic-merge-patch+json" };
export const apply = { "content-type": "application/apply-patch+yaml" };

export const ask = (method: Step["method"], path: string, body?: unknown, headers?: Record<string, string>): Step => ({
  method,
  path,
  ...(body === undefined ? {} : { body }),
  ...(headers ? { headers } : {}),
});

const cm = (name: string, extra: object = {}): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "1" }, ...extra });
const pod = (name: string, spec: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "nginx" }], ...spec },
});
const deployment = (name: string, spec: object = {}): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
    ...spec,
  },
});
const step = (method: Step["method"], path: string, body?: unknown, headers?: Record<string, string>, hide?: string[]): Step => ({
  method,
  path,
  ...(body === undefined ? {} : { body }),
  ...(headers ? { headers } : {}),
  ...(hide ? { hide } : {}),
});
const cmd = `${core}/configmaps`;

export const cases: Case[] = [
  { name: "setup", steps: [step("POST", `${core}/serviceaccounts`, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } })] },
  {
    name: "configmap life",
    steps: [
      step("POST", cmd, cm("d1")),
      step("POST", cmd, cm("d1")),
      step("GET", `${cmd}/d1`),
      step("PUT", `${cmd}/d1`, cm("d1", { data: { a: "2" } })),
      step("PUT", `${cmd}/d1`, cm("other")),
      step("PUT", `${cmd}/d1`, { ...cm("d1"), metadata: { name: "d1", resourceVersion: "1" } }),
      step("PUT", `${cmd}/d1`, { ...cm("d1"), metadata: { name: "d1", resourceVersion: "x" } }),
      step("PUT", `${cmd}/d1`, { ...cm("d1"), metadata: { name: "d1", uid: "00000000-0000-0000-0000-000000000000" } }),
      step("PUT", `${cmd}/absent`, cm("absent")),
      step("PUT", `${cmd}/d1`, { ...cm("d1"), metadata: { name: "d1", namespace: "kube-system" } }),
      step("PATCH", `${cmd}/d1`, { data: { b: "x" } }, merge),
      step("PATCH", `${cmd}/d1`, [{ op: "replace", path: "/data/a", value: "9" }], json),
      step("PATCH", `${cmd}/d1`, [{ op: "test", path: "/data/a", value: "8" }], json),
      step("PATCH", `${cmd}/d1`, { metadata: { labels: { x: "y" } } }, strategic),
      step("PATCH", `${cmd}/d1`, { metadata: { labels: { x: "not valid!" } } }, merge),
      step("PATCH", `${cmd}/d1`, { data: { b: 1 } }, merge),
      step("PATCH", `${cmd}/d1`, "{", merge),
      step("PATCH", `${cmd}/d1`, { data: {} }, { "content-type": "text/plain" }),
      step("DELETE", `${cmd}/d1?dryRun=All`),
      step("DELETE", `${cmd}/d1`, { preconditions: { uid: "nope" } }),
      step("DELETE", `${cmd}/d1`, { preconditions: { resourceVersion: "1" } }),
      step("DELETE", `${cmd}/d1`),
      step("DELETE", `${cmd}/d1`),
      step("GET", `${cmd}/d1`),
    ],
  },
  {
    name: "bad bodies",
    steps: [
      step("POST", cmd, "{"),
      step("POST", cmd, "[]"),
      step("POST", cmd, ""),
      step("POST", cmd, '"text"'),
      step("POST", cmd, { apiVersion: "v1", kind: "Pod", metadata: { name: "x" } }),
      step("POST", cmd, { apiVersion: "apps/v1", kind: "ConfigMap", metadata: { name: "x" } }),
      step("POST", cmd, { apiVersion: "v1", kind: "ConfigMap" }),
      step("POST", cmd, { kind: "ConfigMap", metadata: { name: "UPPER" } }),
      step("POST", cmd, { metadata: { name: "x", labels: { "a b": "c" } } }),
      step("POST", cmd, { metadata: { name: "x" }, data: { a: 1 } }),
      step("POST", cmd, { metadata: { name: "x", namespace: "other" } }),
      step("POST", `${cmd}?fieldValidation=Strict`, { metadata: { name: "x" }, bogus: 1 }),
      step("POST", `${cmd}?fieldValidation=Strict`, '{"metadata":{"name":"x","name":"y"}}'),
      step("POST", `${cmd}?fieldValidation=Warn&dryRun=All`, { metadata: { name: "x" }, bogus: 1 }),
      step("POST", `${cmd}?fieldValidation=Nope`, cm("x")),
      step("POST", `${cmd}?dryRun=Some`, cm("x")),
      step("POST", `${cmd}?fieldManager=${"m".repeat(129)}`, cm("x")),
      step("POST", cmd, cm("x"), { "content-type": "text/plain" }),
      step("POST", "/api/v1/namespaces/nowhere/configmaps", cm("x")),
      step("POST", "/api/v1/configmaps", cm("x")),
      step("GET", cmd, undefined, { accept: "text/html" }),
    ],
  },
  {
    name: "generated names",
    steps: [
      step("POST", `${cmd}?dryRun=All`, { metadata: { generateName: "gen-" } }, undefined, ["name"]),
      step("POST", cmd, { metadata: { generateName: "Bad_" } }, undefined, ["name", "message"]),
    ],
  },
  {
    name: "pods",
    steps: [
      step("POST", `${core}/pods`, pod("p1")),
      step("PUT", `${core}/pods/p1`, pod("p1", { containers: [{ name: "c", image: "other" }] })),
      step("PATCH", `${core}/pods/p1`, { spec: { containers: [{ name: "c", image: "busybox:1" }] } }, strategic),
      step("PATCH", `${core}/pods/p1`, { spec: { restartPolicy: "Never" } }, strategic),
      step("PATCH", `${core}/pods/p1/status`, { status: { phase: "Running" } }, strategic),
      step("GET", `${core}/pods/p1/status`),
      step("POST", `${core}/pods/p1/binding`, { target: { kind: "Node", name: "n1" }, metadata: { name: "p1" } }),
      step("POST", `${core}/pods/p1/binding`, { target: { kind: "Node", name: "n1" }, metadata: { name: "p1" } }),
      step("GET", `${core}/pods/p1`),
      step("DELETE", `${core}/pods/p1`),
      step("DELETE", `${core}/pods/p1?gracePeriodSeconds=5`),
      step("DELETE", `${core}/pods/p1?gracePeriodSeconds=0`),
      step("GET", `${core}/pods/p1`),
      step("POST", `${core}/pods`, { apiVersion: "v1", kind: "Pod", metadata: { name: "bad" }, spec: {} }),
      step("POST", `${core}/pods`, pod("bad", { containers: [{ name: "C", image: "" }], restartPolicy: "Sometimes" })),
      step("POST", `${core}/pods`, pod("p2", { terminationGracePeriodSeconds: 7, nodeName: "n1" })),
      step("DELETE", `${core}/pods/p2`, { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Foreground" }),
      step("GET", `${core}/pods/p2`),
      step("PATCH", `${core}/pods/p2`, { metadata: { finalizers: null } }, merge),
      step("DELETE", `${core}/pods/p2?gracePeriodSeconds=0`),
    ],
  },
  {
    name: "deployments",
    steps: [
      step("POST", `${apps}/deployments`, deployment("w1")),
      step("PATCH", `${apps}/deployments/w1`, { spec: { replicas: 3 } }, strategic),
      step("PATCH", `${apps}/deployments/w1`, { metadata: { labels: { l: "1" } } }, merge),
      step("GET", `${apps}/deployments/w1/scale`),
      step("PUT", `${apps}/deployments/w1/scale`, { metadata: { name: "w1", namespace: "default" }, spec: { replicas: 2 } }),
      step("PATCH", `${apps}/deployments/w1/scale`, { spec: { replicas: 5 } }, merge),
      step("PUT", `${apps}/deployments/w1/scale`, { metadata: { name: "w1" }, spec: { replicas: -1 } }),
      step("PATCH", `${apps}/deployments/w1/status`, { status: { replicas: 1 }, spec: { replicas: 9 } }, merge),
      step("PATCH", `${apps}/deployments/w1`, { spec: { selector: { matchLabels: { app: "z" } } } }, strategic),
      step("POST", `${apps}/deployments`, deployment("w2", { selector: { matchLabels: { app: "zzz" } } })),
      step("POST", `${apps}/deployments`, deployment("w3", { replicas: -1 })),
      step("DELETE", `${apps}/deployments/w1?propagationPolicy=Nope`),
      step("DELETE", `${apps}/deployments/w1?propagationPolicy=Foreground`),
      step("GET", `${apps}/deployments/w1`),
      step("PATCH", `${apps}/deployments/w1`, { metadata: { finalizers: ["a.b/c"] } }, merge),
      step("PATCH", `${apps}/deployments/w1`, { metadata: { finalizers: null } }, merge),
      step("GET", `${apps}/deployments/w1`),
    ],
  },
  {
    name: "namespaces",
    steps: [
      step("POST", "/api/v1/namespaces", { metadata: { name: "diff-ns" } }),
      step("POST", "/api/v1/namespaces", { metadata: { name: "Bad.Name" } }),
      step("DELETE", "/api/v1/namespaces/diff-ns"),
      step("POST", "/api/v1/namespaces/diff-ns/configmaps", cm("x")),
      step("PUT", "/api/v1/namespaces/diff-ns/finalize", { apiVersion: "v1", kind: "Namespace", metadata: { name: "diff-ns" }, spec: {} }),
      step("GET", "/api/v1/namespaces/diff-ns"),
      step("DELETE", "/api/v1/namespaces/kube-system?dryRun=All"),
      step("DELETE", "/api/v1/namespaces"),
    ],
  },
  {
    name: "apply",
    steps: [
      step("PATCH", `${cmd}/a1?fieldManager=one`, cm("a1"), apply),
      step("PATCH", `${cmd}/a1?fieldManager=two`, cm("a1", { data: { a: "2" } }), apply),
      step("PATCH", `${cmd}/a1?fieldManager=two&force=true`, cm("a1", { data: { a: "2" } }), apply),
      step("PATCH", `${cmd}/a1`, cm("a1"), apply),
      step("PATCH", `${cmd}/a1?fieldManager=one`, "a: b: c", apply),
      step("PATCH", `${cmd}/a1?fieldManager=one`, { ...cm("a1"), kind: "Secret" }, apply),
      step("PATCH", `${cmd}/a1?fieldManager=two`, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a1" } }, apply),
      step("DELETE", `${cmd}/a1`),
    ],
  },
  ...moreCases,
];
