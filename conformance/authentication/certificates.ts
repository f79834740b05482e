/** Client certificates right and wrong, with what leads from them to an authority. */
import { webcrypto } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 86_400_000;
const forClients = "1.3.6.1.5.5.7.3.2";
const forServers = "1.3.6.1.5.5.7.3.1";
const uid = "1.3.6.1.4.1.57683.2";

interface Made {
  certificate: x509.X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}
interface Wanted {
  by?: Made;
  authority?: boolean;
  pathLength?: number;
  usages?: string[];
  /** Days from now. */
  from?: number;
  to?: number;
}

async function make(subject: string | x509.JsonName, { by, authority = false, pathLength, usages, from = -1, to = 30 }: Wanted = {}): Promise<Made> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: by?.certificate.subject ?? subject,
    notBefore: new Date(now + from * day),
    notAfter: new Date(now + to * day),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(authority, pathLength, true), ...(usages ? [new x509.ExtendedKeyUsageExtension(usages)] : [])],
  });
  return { certificate, keys };
}

export interface ClientCase {
  name: string;
  /** PEM, leaf first. */
  cert: string;
  key: string;
  headers?: Record<string, string>;
}

export interface Clients {
  /** What --client-ca-file, its successor and --requestheader-client-ca-file hold. */
  first: string;
  second: string;
  proxies: string;
  cases: ClientCase[];
}

const pem = ({ certificate }: Made): string => certificate.toString("pem");
async function keyOf({ keys }: Made): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

export async function clientCases(): Promise<Clients> {
  const cases: ClientCase[] = [];
  const root = await make("CN=clients", { authority: true });
  const later = await make("CN=clients to come", { authority: true });
  const foreign = await make("CN=foreign", { authority: true });
  const proxyRoot = await make("CN=proxies", { authority: true });
  const upper = await make("CN=upper", { by: root, authority: true });
  const lower = await make("CN=lower", { by: upper, authority: true });
  const serving = await make("CN=serving", { by: root, authority: true, usages: [forServers] });
  const person = await make("CN=person", { by: root, usages: [forClients] });
  const gone = await make("CN=gone", { by: root, authority: true, from: -30, to: -1 });
  const proxyUpper = await make("CN=proxy upper", { by: proxyRoot, authority: true });
  const alone = await make("CN=alone,O=selfmade", { usages: [forClients] });
  const add = async (name: string, leaf: Made, more: Made[] = [], headers?: Record<string, string>): Promise<void> => {
    cases.push({ name, cert: [leaf, ...more].map(pem).join("\n"), key: await keyOf(leaf), ...(headers ? { headers } : {}) });
  };
  const client = (subject: string | x509.JsonName, by: Made, wanted: Wanted = {}): Promise<Made> => make(subject, { by, usages: [forClients], ...wanted });
  const jane = "CN=jane,O=dev,O=ops";
  await add("of the root", await client(jane, root));
  await add("over one", await client(jane, upper), [upper]);
  await add("over two", await client(jane, lower), [lower, upper]);
  await add("over two in disorder", await client(jane, lower), [upper, lower]);
  await add("over two with more", await client(jane, lower), [foreign, lower, person, upper, root]);
  await add("over one that was not sent", await client(jane, upper));
  await add("over two of which one was not sent", await client(jane, lower), [lower]);
  await add("over one that is for servers", await client(jane, serving), [serving]);
  await add("over one that is no authority", await client(jane, person), [person]);
  await add("over one that has expired", await client(jane, gone), [gone]);
  await add("foreign", await client(jane, foreign), [foreign]);
  await add("of the bundle itself", alone);
  await add("expired", await client(jane, root, { from: -3, to: -1 }));
  await add("to come", await client(jane, root, { from: 1 }));
  await add("for servers", await client(jane, root, { usages: [forServers] }));
  await add("for both", await client(jane, root, { usages: [forServers, forClients] }));
  await add("for anything", await make(jane, { by: root, usages: ["2.5.29.37.0"] }));
  await add("for nothing said", await make(jane, { by: root }));
  await add("without a name", await client("O=dev", root));
  await add("two names", await client([{ CN: ["first"] }, { CN: ["second"] }], root));
  await add("groups of nothing", await client([{ CN: ["jane"] }, { O: [""] }], root));
  await add("unicode", await client([{ CN: ["j\u00e4ne \u{1f600}"] }, { O: ["d\u00e9v"] }], root));
  await add("uid", await client([{ CN: ["jane"] }, { [uid]: ["u-1"] }], root));
  await add("two uids", await client([{ CN: ["jane"] }, { [uid]: ["u-1"] }, { [uid]: ["u-2"] }], root));
  await add("empty uid", await client([{ CN: ["jane"] }, { [uid]: [""] }], root));
  await add("masters", await client("CN=m,O=system:masters", root));
  await add("of the authority to come", await client(jane, later));
  const remote = { "X-Remote-User": "remote", "X-Remote-Group": "far", "X-Remote-Uid": "7", "X-Remote-Extra-Example.com%2fa": "b" };
  await add("front proxy", await client("CN=front-proxy-client", proxyRoot), [], remote);
  await add("front proxy over one", await client("CN=front-proxy-client", proxyUpper), [proxyUpper], remote);
  await add("front proxy of another name", await client("CN=somebody", proxyRoot), [], remote);
  await add("front proxy that says nobody", await client("CN=front-proxy-client", proxyRoot));
  await add("front proxy of the clients' authority", await client("CN=front-proxy-client", root), [], remote);
  return { first: [root, alone].map(pem).join("\n"), second: [later].map(pem).join("\n"), proxies: pem(proxyRoot), cases };
}
