/** Requests about ClusterTrustBundles, one after the other on the same objects. */
import type { Request } from "../differential/exchange.ts";

const group = "/apis/certificates.k8s.io";
const path = `${group}/v1beta1/clustertrustbundles`;
const merge = { "content-type": "application/merge-patch+json" };
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };

const bundle = (name: string | undefined, trustBundle: unknown, signerName?: string, more: object = {}): object => ({
  apiVersion: "certificates.k8s.io/v1beta1",
  kind: "ClusterTrustBundle",
  metadata: { ...(name === undefined ? {} : { name }), ...more },
  spec: { ...(signerName === undefined ? {} : { signerName }), trustBundle },
});

/** `authorities`: two certificates with the CA bit; `leaf`: one without. All in PEM. */
export function bundleRequests([one, two]: readonly [string, string], leaf: string): [name: string, request: Request][] {
  const post = (name: string, body: object, headers: Request["headers"] = {}): [string, Request] => [name, { method: "POST", path, body, headers }];
  const headers = one.replace("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nA: b\n\n");
  const contents: [string, unknown][] = [
    ["two anchors", one + two],
    ["the same twice", one + two + one],
    ["a leaf", leaf],
    ["an anchor and a leaf", one + leaf],
    ["headers", headers],
    ["another type", one.replaceAll("CERTIFICATE", "PUBLIC KEY")],
    ["several mistakes", leaf + headers + one.replaceAll("CERTIFICATE", "X Y")],
    ["text around", `hello\n${one}there\n`],
    ["text alone", "hello"],
    ["nothing in a block", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
    ["no certificate", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"],
    ["no base64", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"],
    ["nothing", ""],
    ["null", null],
    ["a number", 7],
    ["a megabyte", one + "x".repeat((1 << 20) - one.length)],
    ["more than a megabyte", one + "x".repeat((1 << 20) - one.length + 1)],
  ];
  const names: [string | undefined, string | undefined][] = [
    ["plain", undefined],
    ["a:b", undefined],
    ["A", undefined],
    [undefined, undefined],
    ["example.com:x:one", "example.com/x"],
    ["example.com:x:", "example.com/x"],
    ["example.com:x:A", "example.com/x"],
    ["example.com:y:one", "example.com/x"],
    ["one", "example.com/x"],
    ["example.com:x:y:one", "example.com/x"],
    ["example.com::one", "example.com/"],
    ["x:one", "x"],
    ["x:y:one", "x/y"],
    ["empty-signer", ""],
    ["kubernetes.io:x:one", "kubernetes.io/x"],
  ];
  const attesting = ["nobody", "bundler", "attester", "domain-attester"].map((user) =>
    post(`made by ${user}`, bundle(`example.com:x:${user}`, one, "example.com/x"), { "impersonate-user": user }),
  );
  const at = `${path}/example.com:x:one`;
  const patch = (name: string, body: object, user?: string): [string, Request] => [
    name,
    { method: "PATCH", path: at, body, headers: { ...merge, ...(user ? { "impersonate-user": user } : {}) } },
  ];
  const applied = { method: "PATCH", path: `${path}/applied?fieldManager=judge`, headers: { "content-type": "application/apply-patch+yaml" } } as const;
  return [
    ...contents.map(([name, text], i) => post(`content: ${name}`, bundle(`content-${i}`, text))),
    ...names.map(([name, signer]) => post(`name ${name} for ${signer}`, bundle(name, one, signer))),
    post("generated name", bundle(undefined, one, "example.com/x", { generateName: "example.com:x:" })),
    post("generated name of another", bundle(undefined, one, "example.com/x", { generateName: "other-" })),
    post("unknown field", { ...bundle("unknown", one), spec: { trustBundle: one, nonsense: 1 } }),
    ...attesting,
    post("without a signer, by who may not attest", bundle("by-bundler", one), { "impersonate-user": "bundler" }),
    patch("another bundle", { spec: { trustBundle: two } }),
    patch("no bundle", { spec: { trustBundle: null } }),
    patch("a wrong bundle", { spec: { trustBundle: "x" } }),
    patch("another signer", { spec: { signerName: "example.com/y" } }),
    patch("no signer", { spec: { signerName: null } }),
    patch("labels by who may not attest", { metadata: { labels: { a: "b" } } }, "bundler"),
    patch("finalizers by who may not attest", { metadata: { finalizers: ["example.com/x"] } }, "bundler"),
    patch("finalizers away", { metadata: { finalizers: null } }),
    patch("labels by who may attest", { metadata: { labels: { a: "b" } } }, "attester"),
    ["applied", { ...applied, body: bundle("applied", one) }],
    [
      "applied again, in the older version",
      { ...applied, path: applied.path.replace("v1beta1", "v1alpha1"), body: { ...bundle("applied", two), apiVersion: "certificates.k8s.io/v1alpha1" } },
    ],
    ["put without a version", { method: "PUT", path: at, body: bundle("example.com:x:one", one, "example.com/x") }],
    ["put that creates", { method: "PUT", path: `${path}/new`, body: bundle("new", one) }],
    [
      "made in the older version",
      { method: "POST", path: `${group}/v1alpha1/clustertrustbundles`, body: { ...bundle("older", one), apiVersion: "certificates.k8s.io/v1alpha1" } },
    ],
    ["read in the older version", { method: "GET", path: at.replace("v1beta1", "v1alpha1") }],
    ["list of a signer", { method: "GET", path: `${path}?fieldSelector=spec.signerName%3Dkubernetes.io/x` }],
    ["list by another field", { method: "GET", path: `${path}?fieldSelector=spec.trustBundle%3Dx` }],
    ["table", { method: "GET", path: `${path}?fieldSelector=spec.signerName%3Dkubernetes.io/x`, headers: table }],
    ["deleted", { method: "DELETE", path: at }],
    ...["system:node", "system:cluster-trust-bundle-discovery", "system:controller:kube-apiserver-serving-clustertrustbundle-publisher"].map(
      (role): [string, Request] => [`role ${role}`, { method: "GET", path: `/apis/rbac.authorization.k8s.io/v1/clusterroles/${role}` }],
    ),
    ["binding", { method: "GET", path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:cluster-trust-bundle-discovery" }],
    ["resources", { method: "GET", path: `${group}/v1beta1` }],
    ["resources of the older version", { method: "GET", path: `${group}/v1alpha1` }],
    ["versions", { method: "GET", path: group }],
  ];
}

const rule = (resources: string[], verbs: string[], resourceNames?: string[]): object => ({
  apiGroups: ["certificates.k8s.io"],
  resources,
  verbs,
  ...(resourceNames ? { resourceNames } : {}),
});
const writes = rule(["clustertrustbundles"], ["create", "update", "patch", "get"]);

/** Rules of the users above. */
export const bundleRights: Readonly<Record<string, object[]>> = {
  bundler: [writes],
  attester: [writes, rule(["signers"], ["attest"], ["example.com/x"])],
  "domain-attester": [writes, rule(["signers"], ["attest"], ["example.com/*"])],
};
