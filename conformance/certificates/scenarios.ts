/** Certificate requests as data: how they are made, who decides about them, and what is then expected to differ nowhere. */
import { base64, type Requests, tampered, type Wish } from "./requests.ts";

export interface User {
  name: string;
  groups?: readonly string[];
  uid?: string;
  extra?: Readonly<Record<string, string>>;
}
export interface Asked {
  name: string;
  signerName?: string | undefined;
  usages?: readonly string[] | undefined;
  expirationSeconds?: number;
  /** PEM, or base64 as it is with `raw`. */
  pem?: string;
  raw?: unknown;
  user?: User;
  more?: object;
}

export const signers = {
  client: "kubernetes.io/kube-apiserver-client",
  kubelet: "kubernetes.io/kube-apiserver-client-kubelet",
  serving: "kubernetes.io/kubelet-serving",
  legacy: "kubernetes.io/legacy-unknown",
} as const;
export const clientUsages = ["digital signature", "key encipherment", "client auth"];
export const servingUsages = ["digital signature", "key encipherment", "server auth"];

/** Creations that are answered at once; most are wrong. */
export function creations(requests: Requests): Asked[] {
  const good = requests.make();
  const two = good + good;
  const certificate = good.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE");
  const bodies: [string, string][] = [
    ["good", good],
    ["two blocks", two],
    ["text before", `hello\n${good}`],
    ["text behind", `${good}hello\n`],
    ["new type", good.replaceAll("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")],
    ["a certificate's type", certificate],
    ["headers", good.replace("-----BEGIN CERTIFICATE REQUEST-----\n", "-----BEGIN CERTIFICATE REQUEST-----\nA: b\n\n")],
    ["no PEM", "no PEM at all"],
    ["cut short", tampered(good, (der) => der.subarray(0, der.length - 20))],
    ["bytes behind", tampered(good, (der) => Buffer.concat([der, Buffer.from([1, 2, 3])]))],
    ["a broken signature", tampered(good, (der) => Buffer.concat([der.subarray(0, der.length - 1), Buffer.from([(der.at(-1) as number) ^ 1])]))],
    ["another subject than signed", tampered(good, (der) => Buffer.from(der.toString("latin1").replace("somebody", "somebodx"), "latin1"))],
    ["nothing in it", "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"],
    ["no base64 in it", "-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n"],
    ["RSA 1024", requests.make({ key: "rsa1024" })],
    ["Ed25519", requests.make({ key: "ed25519" })],
    ["P-521", requests.make({ key: "p521" })],
    ["no subject", requests.make({ subject: "/" })],
  ];
  const wishes: [string, Wish][] = [
    ["masters", { subject: "/O=system:masters/CN=me" }],
    ["masters among others", { subject: "/O=a/O=system:masters/CN=me" }],
    ["masters as a unit", { subject: "/OU=system:masters/CN=me" }],
    ["masters in capitals", { subject: "/O=SYSTEM:MASTERS/CN=me" }],
  ];
  const usages: [string, readonly string[] | undefined][] = [
    ["none", []],
    ["absent", undefined],
    ["unknown", ["client auth", "world domination"]],
    ["twice", ["client auth", "client auth"]],
    ["any", ["any"]],
    ["capitals", ["Client Auth"]],
    ["signing and digital signature", ["signing", "digital signature"]],
  ];
  const names = ["", "a", "A", "a/b", "a%b", ".", "..", "a b", "ä", "x".repeat(253), "x".repeat(254), "-", "node-csr-Ab_c", "a:b"];
  const signerNames = [
    "",
    "kubernetes.io",
    "kubernetes.io/",
    "/x",
    "example.com/x",
    "example.com/X",
    "example.com/x.y",
    "example.com/x_y",
    "Example.com/x",
    "example.com/x/y",
    "localhost/x",
    "example.com/-x",
    `example.com/${"x".repeat(300)}`,
    `${"a".repeat(64)}.com/x`,
    `${Array(60).fill("abc").join(".")}/x`,
    `example.com/${Array(150).fill("abc").join(".")}`,
    signers.legacy,
    "kubernetes.io/unknown",
  ];
  return [
    ...bodies.map(([name, pem]): Asked => ({ name: `request: ${name}`, pem })),
    ...[null, "", "!!!", 7, base64("x")].map((raw, i): Asked => ({ name: `raw request ${i}`, raw })),
    ...wishes.map(([name, wish]): Asked => ({ name, pem: requests.make(wish) })),
    ...wishes.map(([name, wish]): Asked => ({ name: `${name}, for a kubelet`, pem: requests.make(wish), signerName: signers.kubelet })),
    ...usages.map(([name, list]): Asked => ({ name: `usages: ${name}`, usages: list })),
    ...[-1, 0, 1, 599, 600, 601, 86400, 2147483647, 2147483648, 1.5].map(
      (expirationSeconds): Asked => ({ name: `expires ${expirationSeconds}`, expirationSeconds }),
    ),
    ...signerNames.map((signerName, i): Asked => ({ name: `signer ${i}`, signerName })),
    { name: "signer absent", signerName: undefined },
    ...names.map((name, i): Asked => ({ name: `name ${i}`, more: { metadata: name === "" ? {} : { name } } })),
    { name: "generated name", more: { metadata: { generateName: "node-csr-" } } },
    { name: "own name of the user", more: { spec: { username: "forged", groups: ["forged"], uid: "forged", extra: { forged: ["x"] } } } },
    { name: "a status", more: { status: { certificate: base64(certificate), conditions: [{ type: "Approved", status: "True" }] } } },
    { name: "labels", more: { metadata: { name: "with-labels", labels: { a: "b" }, annotations: { c: "d" }, finalizers: ["example.com/x"] } } },
    { name: "by somebody", user: { name: "alice", groups: ["g1", "g2"], uid: "u-1", extra: { "example.com/team": "x" } } },
    { name: "unknown field", more: { spec: { nonsense: 1 } } },
  ];
}

export interface Issue extends Asked {
  wish?: Wish;
}
const node = { name: "system:node:n1", groups: ["system:nodes"] };
const kubelet: Wish = { subject: "/O=system:nodes/CN=system:node:n1" };

/** Approved by the administrator unless the controllers do it: what becomes of them. */
export function issues(): Issue[] {
  const usages = (list: string[][]): Issue[] => list.map((each, i) => ({ name: `client usages ${i}`, usages: each }));
  const client: Issue[] = [
    { name: "client", wish: { subject: "/O=a/O=b/CN=me" } },
    { name: "client with names", wish: { names: "DNS:a.example.com,IP:10.1.2.3,IP:fd00::1,email:a@example.com,URI:spiffe://x/y" } },
    { name: "client with RSA", wish: { key: "rsa2048" } },
    { name: "client with P-384", wish: { key: "p384" } },
    { name: "client with Ed25519", wish: { key: "ed25519" } },
    { name: "client with extensions", wish: { extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign", "extendedKeyUsage=serverAuth"] } },
    { name: "client of many words", wish: { subject: "/C=DE/ST=Bayern/L=Ort/street=Weg 1/O=o/OU=u/serialNumber=7/CN=Jürgen" } },
    { name: "client without subject", wish: { subject: "/" } },
    { name: "client of a pair", wish: { subject: "/CN=a+O=b" } },
    ...[600, 3600, 1200000000].map((expirationSeconds): Issue => ({ name: `client for ${expirationSeconds} s`, expirationSeconds })),
    ...usages([
      ["client auth"],
      ["server auth"],
      ["client auth", "server auth"],
      ["digital signature"],
      ["client auth", "key agreement"],
      ["client auth", "any"],
      ["client auth", "cert sign"],
      ["client auth", "signing", "content commitment"],
      ["key encipherment", "digital signature", "client auth"],
    ]),
  ];
  const kubelets: Issue[] = [
    { name: "kubelet", wish: kubelet },
    { name: "kubelet, no key encipherment", wish: kubelet, usages: ["digital signature", "client auth"] },
    { name: "kubelet, other usages", wish: kubelet, usages: servingUsages },
    { name: "kubelet, more usages", wish: kubelet, usages: [...clientUsages, "server auth"] },
    { name: "kubelet without group", wish: { subject: "/CN=system:node:n1" } },
    { name: "kubelet with two groups", wish: { subject: "/O=system:nodes/O=x/CN=system:node:n1" } },
    { name: "kubelet of another name", wish: { subject: "/O=system:nodes/CN=n1" } },
    { name: "kubelet of no name", wish: { subject: "/O=system:nodes/CN=system:node:" } },
    ...["DNS:a", "IP:1.2.3.4", "email:a@b", "URI:x:y"].map((names): Issue => ({ name: `kubelet with ${names}`, wish: { ...kubelet, names } })),
  ].map((one) => ({ usages: clientUsages, ...one, signerName: signers.kubelet }));
  const serving: Issue[] = [
    { name: "serving", wish: { ...kubelet, names: "DNS:n1,IP:10.0.0.1" }, user: node },
    { name: "serving, no key encipherment", wish: { ...kubelet, names: "IP:10.0.0.1" }, user: node, usages: ["digital signature", "server auth"] },
    { name: "serving without names", wish: kubelet, user: node },
    { name: "serving with email", wish: { ...kubelet, names: "DNS:n1,email:a@b" }, user: node },
    { name: "serving with URI", wish: { ...kubelet, names: "DNS:n1,URI:x:y" }, user: node },
    { name: "serving of another group", wish: { subject: "/O=x/CN=system:node:n1", names: "DNS:n1" }, user: node },
    { name: "serving of another name", wish: { subject: "/O=system:nodes/CN=n1", names: "DNS:n1" }, user: node },
    { name: "serving for clients", wish: { ...kubelet, names: "DNS:n1" }, user: node, usages: clientUsages },
    { name: "serving asked by another", wish: { ...kubelet, names: "DNS:n1" }, user: { name: "alice" } },
  ].map((one) => ({ usages: servingUsages, ...one, signerName: signers.serving }));
  return [
    ...client,
    ...kubelets,
    ...serving,
    { name: "somebody's signer", signerName: "example.com/x" },
    { name: "unknown signer of ours", signerName: "kubernetes.io/x" },
  ];
}

/** Who may have a kubelet's certificate without being asked, and who gets one. */
export const automatic: { name: string; user: User; asks?: string; names?: string; usages?: readonly string[] }[] = [
  { name: "a bootstrapper", user: { name: "system:bootstrap:abcdef", groups: ["system:bootstrappers"] } },
  { name: "a node for itself", user: node },
  { name: "a node for another", user: node, asks: "system:node:n2" },
  { name: "somebody without rights", user: { name: "alice" } },
  { name: "a bootstrapper with names", user: { name: "system:bootstrap:abcdef", groups: ["system:bootstrappers"] }, names: "DNS:x" },
  { name: "a bootstrapper with other usages", user: { name: "system:bootstrap:abcdef", groups: ["system:bootstrappers"] }, usages: ["client auth"] },
];
