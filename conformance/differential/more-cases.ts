/** Lists, services, paths, certificates of identity: the second half of the differential run. */
import type { Case, Step } from "./cases.ts";

const core = "/api/v1/namespaces/default";
const cmd = `${core}/configmaps`;
const get = (path: string, headers?: Record<string, string>, hide?: string[]): Step => ({
  method: "GET",
  path,
  ...(headers ? { headers } : {}),
  ...(hide ? { hide } : {}),
});
const post = (path: string, body: unknown, hide?: string[]): Step => ({ method: "POST", path, body, ...(hide ? { hide } : {}) });
const service = (name: string, spec: object): object => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });
const ports = [{ port: 80 }];
const random = ["clusterIP", "clusterIPs", "nodePort"];
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

export const moreCases: Case[] = [
  {
    name: "lists",
    steps: [
      ...["l1", "l2", "l3"].map((name) => post(cmd, { metadata: { name, labels: { n: name } } })),
      get(`${cmd}?labelSelector=n=l2`),
      get(`${cmd}?labelSelector=n in (l1,l3)`.replaceAll(" ", "%20")),
      get(`${cmd}?labelSelector=n in`.replaceAll(" ", "%20")),
      get(`${cmd}?labelSelector=a=b=c`),
      get(`${cmd}?fieldSelector=metadata.name=l1`),
      get(`${cmd}?fieldSelector=data.a=l1`),
      get(`${core}/pods?fieldSelector=spec.foo=l1`),
      get(`${core}/pods?fieldSelector=oops`),
      get(`${cmd}?limit=1`),
      get(`${cmd}?limit=1&continue={continue}`),
      get(`${cmd}?limit=1&continue=bogus`),
      get(`${cmd}?limit=x`),
      get(`${cmd}?resourceVersionMatch=Exact`),
      get(`${cmd}?resourceVersionMatch=Exact&resourceVersion=0`),
      get(`${cmd}?resourceVersionMatch=Nope&resourceVersion=1`),
      get(`${cmd}?resourceVersion=abc`),
      get(`${cmd}?sendInitialEvents=true`),
      get(`${cmd}?watch=true&sendInitialEvents=true&timeoutSeconds=1`),
      get(`${cmd}?watch=true&resourceVersion=abc&timeoutSeconds=1`),
      get(`${cmd}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=l1`, undefined, []),
      get(`${cmd}/l1`, { accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json" }),
      get(`${cmd}?labelSelector=n`, { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json" }),
      get(`${cmd}/l1`, table, ["description"]),
      get(`${cmd}?labelSelector=n&includeObject=None`, table, ["description"]),
      { method: "DELETE", path: `${cmd}?labelSelector=n` },
      get(`${cmd}?labelSelector=n`),
    ],
  },
  {
    name: "services",
    steps: [
      post(`${core}/services`, service("s1", { ports }), random),
      post(`${core}/services`, service("s2", { ports, clusterIP: "10.96.0.1" })),
      post(`${core}/services`, service("s2", { ports, clusterIP: "1.2.3.4" })),
      post(`${core}/services`, service("s2", { ports, clusterIP: "10.96.7.7" })),
      post(`${core}/services`, service("s3", { ports, clusterIP: "None" })),
      post(`${core}/services`, service("s4", { type: "ExternalName", externalName: "example.com" })),
      post(`${core}/services`, service("s5", { type: "NodePort", ports: [{ port: 80, nodePort: 30007 }] }), ["clusterIP", "clusterIPs"]),
      post(`${core}/services`, service("s6", { type: "NodePort", ports: [{ port: 80, nodePort: 30007 }] })),
      post(`${core}/services`, service("s6", { type: "NodePort", ports: [{ port: 80, nodePort: 80 }] })),
      post(`${core}/services`, service("s6", { type: "NodePort", ports }), random),
      post(`${core}/services`, service("s7", { type: "LoadBalancer", ports, externalTrafficPolicy: "Local" }), [...random, "healthCheckNodePort"]),
      post(`${core}/services`, service("s8", { ports: [] })),
      post(`${core}/services`, service("s8", { ports, ipFamilyPolicy: "RequireDualStack" })),
      { method: "PATCH", path: `${core}/services/s2`, body: { spec: { clusterIP: "10.96.7.8" } }, headers: { "content-type": "application/merge-patch+json" } },
      {
        method: "PATCH",
        path: `${core}/services/s5`,
        body: { spec: { type: "ClusterIP" } },
        headers: { "content-type": "application/merge-patch+json" },
        hide: random,
      },
      {
        method: "PATCH",
        path: `${core}/services/s4`,
        body: { spec: { type: "ClusterIP", externalName: null, ports } },
        headers: { "content-type": "application/merge-patch+json" },
        hide: random,
      },
      get("/apis/networking.k8s.io/v1/ipaddresses/10.96.7.7"),
      ...["s1", "s2", "s3", "s4", "s5", "s6", "s7"].map(
        (name): Step => ({ method: "DELETE", path: `${core}/services/${name}`, hide: [...random, "healthCheckNodePort"] }),
      ),
      get("/apis/networking.k8s.io/v1/ipaddresses/10.96.7.7"),
    ],
  },
  {
    name: "paths",
    steps: [
      get("/nope"),
      get("/api/v1/nope"),
      get("/apis/nope/v1/x"),
      get("/api/v1/namespaces/default/pods/x/nope"),
      get("/api/v1/namespaces/default/nodes"),
      get("/api/v1/pods/x"),
      { method: "PUT", path: cmd, body: {} },
      { method: "PATCH", path: cmd, body: {} },
      { method: "POST", path: `${cmd}/x`, body: {} },
      { method: "DELETE", path: "/api/v1/namespaces/default/bindings" },
      get("/api/v1/namespaces/default/bindings"),
      get("/healthz"),
      get("/livez/ping"),
      get("/livez/nope"),
      get("/api", undefined, ["serverAddress"]),
      get("/apis"),
      get("/apis/apps"),
      get("/apis/apps/v1"),
      get("/api/v1"),
      get("/apis/nope"),
    ],
  },
  {
    name: "who",
    steps: [
      get(cmd, { "impersonate-user": "bob" }),
      get(cmd, { "impersonate-group": "x" }),
      get(cmd, { authorization: "Bearer nonsense", "impersonate-user": "system:serviceaccount:default:default" }),
      post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { spec: { resourceAttributes: { verb: "get", resource: "pods" } } }),
      post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        spec: { user: "bob", resourceAttributes: { verb: "get", resource: "pods", namespace: "default" } },
      }),
      post("/apis/authorization.k8s.io/v1/subjectaccessreviews", { spec: {} }),
      post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, ["credential-id"]),
      post("/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token: "x" } }),
      post(`${core}/serviceaccounts/default/token`, { spec: {} }, ["token", "expirationTimestamp"]),
      post(`${core}/serviceaccounts/absent/token`, { spec: {} }),
    ],
  },
  {
    name: "eviction",
    steps: [
      post(`${core}/pods`, { metadata: { name: "e1" }, spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "i" }] } }),
      post(`${core}/pods/e1/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "other" } }),
      post(`${core}/pods/e1/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "e1" } }),
      get(`${core}/pods/e1`),
      post(`${core}/pods/absent/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "absent" } }),
    ],
  },
  {
    name: "what does not print",
    steps: [
      get(`${core}/configmaps/a%01b%7Fc%07`),
      get(`${core}/configmaps/%E2%80%8Bx`),
      get(`${core}/configmaps?resourceVersion=%01`),
      get(`${core}/configmaps?labelSelector=a%01`),
      get(`${core}/configmaps?fieldSelector=a%01=b`),
      get(`${core}/pods?fieldSelector=a%E2%80%8B=b`),
      get("/x%01y", { "impersonate-user": "b" }),
      get(`${core}/configmaps/a%01`, { "impersonate-user": "b" }),
      post(`${core}/configmaps`, { metadata: { name: "a\u0001\u200b" } }),
      post(`${core}/configmaps`, { apiVersion: "v\u00011", kind: "C\u0001" }),
      post(`${core}/configmaps`, { metadata: { name: "odd", labels: { "a\u0001": "\u007f" } } }),
    ],
  },
];
