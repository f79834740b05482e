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
  /** Without it, keys of its own. */
  keys?: webcrypto.CryptoKeyPair;
  more?: x509.Extension[];
  /** Of the signature. @default SHA-256 */
  hash?: string;
  /** Days from now. */
  from?: number;
  to?: number;
}

const generate = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;

async function make(subject: string | x509.JsonName, wanted: Wanted = {}): Promise<Made> {
  const { by, authority = false, pathLength, usages, from = -1, to = 30, more = [], hash = "SHA-256" } = wanted;
  const keys = wanted.keys ?? (await generate());
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: by?.certificate.subject ?? subject,
    notBefore: new Date(now + from * day),
    notAfter: new Date(now + to * day),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: { ...algorithm, hash },
    extensions: [new x509.BasicConstraintsExtension(authority, pathLength, true), ...(usages ? [new x509.ExtendedKeyUsageExtension(usages)] : []), ...more],
  });
  return { certificate, keys };
}

/** One element of DER that is shorter than 128 bytes. */
const der = (tag: number, ...parts: (string | Uint8Array)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
};
const constraints = (id: "permitted" | "excluded", ...names: Buffer[]): x509.Extension =>
  new x509.Extension("2.5.29.30", true, der(0x30, der(id === "permitted" ? 0xa0 : 0xa1, ...names.map((name) => der(0x30, name)))));
const dns = (name: string): Buffer => der(0x82, name);
const mail = (name: string): Buffer => der(0x81, name);
const uri = (name: string): Buffer => der(0x86, name);
const ip = (...bytes: number[]): Buffer => der(0x87, Buffer.from(bytes));
const also = (...names: Buffer[]): x509.Extension => new x509.Extension("2.5.29.17", false, der(0x30, ...names));
/** An authority that is limited, and names that it certifies. */
const limits: [string, x509.Extension, Buffer[][]][] = [
  [
    "to a domain",
    constraints("permitted", dns("example.com")),
    [[dns("a.example.com")], [dns("EXAMPLE.com")], [dns("aexample.com")], [dns("*.example.com")], [dns("a.b")], []],
  ],
  ["to what is below a domain", constraints("permitted", dns(".example.com")), [[dns("a.example.com")], [dns("example.com")]]],
  [
    "against a domain",
    constraints("excluded", dns("a.example.com")),
    [[dns("b.example.com")], [dns("x.a.example.com")], [dns("*.example.com")], [dns("a.example.com.")]],
  ],
  ["against all domains", constraints("excluded", dns("")), [[dns("b")], [mail("a@b")]]],
  [
    "to addresses",
    constraints("permitted", ip(10, 0, 0, 0, 255, 0, 0, 0)),
    [[ip(10, 1, 2, 3)], [ip(11, 1, 2, 3)], [ip(...Array<number>(16).fill(0))], [dns("a")]],
  ],
  [
    "to mail",
    constraints("permitted", mail("example.com"), mail("jane@other.com")),
    [[mail("a@EXAMPLE.com")], [mail("jane@other.com")], [mail("Jane@other.com")], [mail("a@b.example.com")], [mail("@x")], [mail("a")]],
  ],
  [
    "to URIs",
    constraints("permitted", uri("example.com")),
    [[uri("https://example.com:80/a")], [uri("spiffe://a.example.com/b")], [uri("https://b.com/")], [uri("https://1.2.3.4/")], [uri("urn:a:b")]],
  ],
  ["to a directory", constraints("permitted", der(0xa4, der(0x30))), [[dns("a")], []]],
];

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
  const short = await make("CN=short", { by: root, authority: true, pathLength: 0 });
  const deeper = await make("CN=deeper", { by: short, authority: true });
  await add("over one that may not be followed", await client(jane, short), [short]);
  await add("over one that may not be followed but is", await client(jane, deeper), [deeper, short]);
  const old = await make("CN=renewed", { by: root, authority: true, from: -30, to: -1 });
  const renewed = await make("CN=renewed", { by: root, authority: true, keys: old.keys });
  await add("over one that has expired and was renewed", await client(jane, old), [old, renewed]);
  const impostor = await make("CN=upper", { by: root, authority: true });
  await add("over one beside another of its name", await client(jane, upper), [impostor, upper]);
  await add("over another of its name", await client(jane, upper), [impostor]);
  const signing = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);
  const unsigned = await make("CN=unsigned", { by: root, authority: true, more: [signing] });
  await add("over one whose key is for something else", await client(jane, unsigned), [unsigned]);
  const weak = await make("CN=weak", { by: root, authority: true, hash: "SHA-1" });
  await add("over one that is signed weakly", await client(jane, weak), [weak]);
  await add("signed weakly", await client(jane, root, { hash: "SHA-1" }));
  await add("signed strongly", await client(jane, root, { hash: "SHA-512" }));
  const unknown = (critical: boolean): x509.Extension => new x509.Extension("1.2.3.4", critical, der(0x05));
  const odd = await make("CN=odd", { by: root, authority: true, more: [unknown(true)] });
  await add("over one with something unknown that matters", await client(jane, odd), [odd]);
  await add("with something unknown", await client(jane, root, { more: [unknown(false)] }));
  await add("with something unknown that matters", await client(jane, root, { more: [unknown(true)] }));
  const anything = await make("CN=anything", { by: root, authority: true, usages: ["2.5.29.37.0"] });
  await add("over one for anything", await client(jane, anything), [anything]);
  await add("for something unknown", await make(jane, { by: root, usages: ["1.2.3.4"] }));
  const explicit = await make("CN=explicit", {
    by: root,
    authority: true,
    more: [new x509.Extension("2.5.29.36", true, der(0x30, der(0x80, Buffer.from([0]))))],
  });
  await add("over one that wants policies", await client(jane, explicit), [explicit]);
  for (const [name, limit, certified] of limits) {
    const limited = await make("CN=limited", { by: root, authority: true, more: [limit] });
    for (const [i, names] of certified.entries())
      await add(`over one limited ${name}, ${i}`, await client(jane, limited, { more: names.length ? [also(...names)] : [] }), [limited]);
  }
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
