/** The kinds of requests, without a fault. */
import { group, object, at as placeOf, schemaOf } from "../differential/custom-resource-made.ts";
import type { Request } from "../differential/exchange.ts";
import { patchHeaders } from "../differential/headers.ts";
import { asJSON } from "./sweep.ts";

/** A request that is still being made. */
export interface Draft {
  method: Request["method"];
  path: string;
  query: string[];
  headers: Record<string, string>;
  body: object | string | undefined;
  client?: string;
}

const core = "/api/v1/namespaces/default";
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const at = (apiVersion: string, kind: string, more: object = {}) => ({ apiVersion, kind, metadata: { name: "x" }, ...more });

const scalable = object({ replicas: { type: "integer" } });
/** What the version of foos says. */
export const foos = {
  schema: schemaOf(scalable, { status: scalable }),
  subresources: { status: {}, scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" } },
};

export type Home = [place: string, object: ReturnType<typeof at>];

/** Where each object is, which is called x. `csr`: a signing request, base64 of PEM. */
export const homesOf = (csr: string): Home[] => [
  [`${core}/configmaps`, at("v1", "ConfigMap", { data: { a: "b" } })],
  [`${core}/pods`, at("v1", "Pod", { spec: { containers: [{ name: "c", image: "i" }] } })],
  ["/apis/apps/v1/namespaces/default/deployments", at("apps/v1", "Deployment", { spec: { selector: { matchLabels: { a: "b" } }, template } })],
  [placeOf("foos"), at(`${group}/v1`, "Foo", { spec: { replicas: 1 } })],
  [`${core}/serviceaccounts`, at("v1", "ServiceAccount")],
  [
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    at("certificates.k8s.io/v1", "CertificateSigningRequest", { spec: { request: csr, signerName: "a.b/c", usages: ["client auth"] } }),
  ],
  ["/api/v1/namespaces", at("v1", "Namespace")],
];

const scale = at("autoscaling/v1", "Scale", { spec: { replicas: 1 } });
const binding = at("v1", "Binding", { target: { kind: "Node", name: "n" } });

type Endpoint = [name: string, method: Draft["method"], path: string, body?: object, headers?: Record<string, string>];

function verbs(place: string, object: ReturnType<typeof at>): Endpoint[] {
  const { kind } = object;
  const labels = { metadata: { labels: { a: "b" } } };
  const deletion = { kind: "DeleteOptions", apiVersion: "v1" };
  return [
    [`${kind} create`, "POST", place, { ...object, metadata: { name: "new" } }],
    [`${kind} update`, "PUT", `${place}/x`, object],
    [`${kind} merge`, "PATCH", `${place}/x`, labels, patchHeaders.merge],
    [`${kind} json`, "PATCH", `${place}/x`, [{ op: "add", path: "/metadata/labels", value: { a: "c" } }], patchHeaders.json],
    [`${kind} strategic`, "PATCH", `${place}/x`, labels, patchHeaders.strategic],
    [`${kind} apply`, "PATCH", `${place}/x`, { ...object, metadata: { name: "x", labels: { q: "r" } } }, patchHeaders.apply],
    [`${kind} delete`, "DELETE", `${place}/x`, deletion],
    ...(kind === "Namespace" ? [] : [[`${kind} deletecollection`, "DELETE", place, deletion] as Endpoint]),
    [`${kind} get`, "GET", `${place}/x`],
    [`${kind} list`, "GET", place],
  ];
}

/** Below the object. */
function subresources(place: string, object: ReturnType<typeof at>): Endpoint[] {
  const { kind } = object;
  const one = `${place}/x`;
  const named = (name: string): string => `${kind} ${name}`;
  const status: Endpoint = [named("status"), "PUT", `${one}/status`, object];
  const scaling: Endpoint[] = [
    [named("scale"), "PUT", `${one}/scale`, scale],
    [named("scale get"), "GET", `${one}/scale`],
    [named("scale merge"), "PATCH", `${one}/scale`, { spec: { replicas: 2 } }, patchHeaders.merge],
    [named("scale apply"), "PATCH", `${one}/scale`, scale, patchHeaders.apply],
  ];
  const of: Readonly<Record<string, Endpoint[]>> = {
    Pod: [
      status,
      [named("eviction"), "POST", `${one}/eviction`, at("policy/v1", "Eviction")],
      [named("binding"), "POST", `${one}/binding`, binding],
      ["bindings", "POST", `${core}/bindings`, binding],
      [named("ephemeralcontainers"), "PATCH", `${one}/ephemeralcontainers`, { spec: { ephemeralContainers: [] } }, patchHeaders.strategic],
      [named("resize"), "PUT", `${one}/resize`, object],
      [named("log"), "GET", `${one}/log`],
      [named("exec"), "POST", `${one}/exec?command=a`],
      [named("proxy"), "GET", `${one}/proxy/`],
    ],
    Deployment: [status, ...scaling],
    Foo: [status, ...scaling],
    ServiceAccount: [[named("token"), "POST", `${one}/token`, { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} }]],
    CertificateSigningRequest: [status, [named("approval"), "PUT", `${one}/approval`, object]],
    Namespace: [status, [named("finalize"), "PUT", `${one}/finalize`, object]],
  };
  return of[kind] ?? [];
}

const review = (group: string, kind: string, spec?: object): object => ({ apiVersion: `${group}.k8s.io/v1`, kind, ...(spec ? { spec } : {}) });
const reviews: readonly Endpoint[] = [
  [
    "subjectaccessreviews",
    "POST",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    review("authorization", "SubjectAccessReview", { user: "u", nonResourceAttributes: { path: "/", verb: "get" } }),
  ],
  [
    "localsubjectaccessreviews",
    "POST",
    "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews",
    {
      ...review("authorization", "LocalSubjectAccessReview", { user: "u", resourceAttributes: { namespace: "default", verb: "get" } }),
      metadata: { namespace: "default" },
    },
  ],
  ["tokenreviews", "POST", "/apis/authentication.k8s.io/v1/tokenreviews", review("authentication", "TokenReview", { token: "t" })],
  ["selfsubjectreviews", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review("authentication", "SelfSubjectReview")],
];

/** Each by its name, made anew each time. */
export function* endpoints(homes: readonly Home[]): Generator<[name: string, make: () => Draft]> {
  const all = [...homes.flatMap(([place, object]) => [...verbs(place, object), ...subresources(place, object)]), ...reviews];
  for (const [name, method, path, body, headers = body ? asJSON : {}] of all) {
    const [place = "", asked] = path.split("?");
    yield [name, () => ({ method, path: place, query: asked ? [asked] : [], headers: { ...headers }, body: structuredClone(body) })];
  }
}
