/** A conversion webhook that lies: its path says how. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../../src/base/self-signed.fixture.ts";
import { group } from "./making.ts";

type Kept = { apiVersion: string; metadata: Record<string, unknown> } & Record<string, unknown>;
type Review = { request: { uid: string; desiredAPIVersion: string; objects: Kept[] } };
type Lie = (review: Review) => unknown;

const answer = (uid: unknown, convertedObjects: unknown, result: unknown = { status: "Success" }): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "ConversionReview",
  response: { uid, result, convertedObjects },
});
const converted = ({ request }: Review, more: (object: Kept) => object = () => ({})): object[] =>
  request.objects.map((object) => ({ ...object, apiVersion: request.desiredAPIVersion, ...more(object) }));
const told =
  (more: (object: Kept) => object): Lie =>
  (review) =>
    answer(review.request.uid, converted(review, more));
const given =
  (objects: (review: Review) => unknown): Lie =>
  (review) =>
    answer(review.request.uid, objects(review));
const refused =
  (result: unknown): Lie =>
  ({ request }) =>
    answer(request.uid, [], result);
const deepText = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

/** Text is sent as it is. */
export const lies: Readonly<Record<string, Lie>> = {
  "the truth": told(() => ({})),
  "nothing at all": () => "",
  "no JSON": () => "<html>",
  "an empty object": () => "{}",
  "another kind": () => ({ apiVersion: "v1", kind: "Pod" }),
  "an answer to another": (review) => answer("x", converted(review)),
  "a refusal": refused({ status: "Failure", message: "no", reason: "x", code: 418 }),
  "a refusal of 10 MB": refused({ status: "Failure", message: "m".repeat(10_000_000) }),
  "a refusal without a word": refused({}),
  "success that is none": refused({ status: "Maybe" }),
  "too few objects": given(() => []),
  "too many objects": given((review) => [...converted(review), ...converted(review)]),
  "20,000 objects": given((review) => Array.from({ length: 20_000 }, () => converted(review)[0])),
  "objects that are none": given(() => [1, "x", null, []]),
  "null instead of objects": given(() => null),
  "an object instead of a list": given((review) => converted(review)[0]),
  "the version that it was": given((review) => review.request.objects),
  "another version": told(() => ({ apiVersion: `${group}/v9` })),
  "another group": told(() => ({ apiVersion: "example.org/v2" })),
  "another kind of object": told(() => ({ kind: "Other" })),
  "no kind": told(() => ({ kind: undefined, apiVersion: undefined })),
  "another name": told(({ metadata }) => ({ metadata: { ...metadata, name: "other" } })),
  "another uid": told(({ metadata }) => ({ metadata: { ...metadata, uid: "other" } })),
  "another namespace": told(({ metadata }) => ({ metadata: { ...metadata, namespace: "other" } })),
  "another resource version": told(({ metadata }) => ({ metadata: { ...metadata, resourceVersion: "1" } })),
  "another finalizer": told(({ metadata }) => ({ metadata: { ...metadata, finalizers: ["example.com/f"] } })),
  "another owner": told(({ metadata }) => ({ metadata: { ...metadata, ownerReferences: [{ apiVersion: "v1", kind: "X", name: "x", uid: "x" }] } })),
  "other labels": told(({ metadata }) => ({ metadata: { ...metadata, labels: { a: "b" }, annotations: { c: "d" } } })),
  "wrong labels": told(({ metadata }) => ({ metadata: { ...metadata, labels: { "-": " " } } })),
  "labels that are no text": told(({ metadata }) => ({ metadata: { ...metadata, labels: { a: 1 } } })),
  "no metadata": told(() => ({ metadata: undefined })),
  "metadata that is none": told(() => ({ metadata: "x" })),
  "managed fields that are none": told(({ metadata }) => ({ metadata: { ...metadata, managedFields: [{ fieldsV1: 1 }] } })),
  "unknown fields": told(() => ({ unknown: { a: 1 }, spec: { unknown: 1 } })),
  "fields against the schema": told(() => ({ spec: { a: 5 } })),
  "names of Object": ({ request }) =>
    JSON.stringify(answer(request.uid, converted({ request }))).replace(
      '"kind":"Lied"',
      '"kind":"Lied","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}',
    ),
  "a value of 2 MB": told(() => ({ spec: { free: "x".repeat(2_000_000) } })),
  "a value of 10 MB": told(() => ({ spec: { free: "x".repeat(10_000_000) } })),
  "100,000 fields": told(() => ({ spec: { free: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, i])) } })),
  "9,000 levels": ({ request }) =>
    JSON.stringify(
      answer(
        request.uid,
        converted({ request }, () => ({ spec: { free: "DEEP" } })),
      ),
    ).replace('"DEEP"', () => deepText(9000)),
  "20,000 levels": ({ request }) =>
    JSON.stringify(
      answer(
        request.uid,
        converted({ request }, () => ({ spec: { free: "DEEP" } })),
      ),
    ).replace('"DEEP"', () => deepText(20_000)),
  "5 MB of brackets": () => "[".repeat(5_000_000),
  "5 MB of nothing": () => " ".repeat(5_000_000),
  "an error": () => "",
  "itself elsewhere": () => "",
  "half an answer": () => "",
  "no answer": () => "",
};

/** What is no answer at all. */
const silent = new Set(["half an answer", "no answer"]);
const codes: Readonly<Record<string, number>> = { "an error": 500, "itself elsewhere": 307 };

export interface Liar {
  /** PEM, base64. */
  caBundle: string;
  url(lie: string): string;
  close(): void;
}

/** `no answer` hangs up after two seconds, `half an answer` in its middle. */
export async function startLiar(): Promise<Liar> {
  const { cert, key } = selfSigned("/CN=liar", "IP:127.0.0.1");
  const server: Server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const title = decodeURIComponent(new URL(request.url ?? "", "https://liar").pathname.slice(1));
      if (silent.has(title)) {
        if (title === "half an answer") response.writeHead(200, { "content-length": "1000" }).write('{"apiVersion":');
        setTimeout(() => request.socket.destroy(), 2000);
        return;
      }
      const said = lies[title]?.(JSON.parse(Buffer.concat(chunks).toString()) as Review);
      const body = typeof said === "string" ? said : JSON.stringify(said);
      response.writeHead(codes[title] ?? 200, { "content-type": "application/json", location: request.url }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    caBundle: cert.toString("base64"),
    url: (lie) => `https://127.0.0.1:${port}/${encodeURIComponent(lie)}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
