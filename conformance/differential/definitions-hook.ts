/** A conversion webhook on loopback that both servers call; what it answers is told it for each definition, while requests go on. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dump } from "js-yaml";

type Item = Record<string, unknown>;
interface Review {
  apiVersion: string;
  kind: string;
  request: { uid: string; desiredAPIVersion: string; objects: Item[] };
}
/** What is sent: an object as JSON, a text as it is. */
export interface Reply {
  status?: number;
  type?: string;
  body: unknown;
}
type Behaviour = (review: Review) => Reply;

/** Both servers ask at their own times: what is answered depends on the request alone. */
const renamed = ({ request }: Review): Item[] => request.objects.map((object) => ({ ...object, apiVersion: request.desiredAPIVersion }));
const metaOf = (object: Item): Item => (object.metadata ?? {}) as Item;
const success = (review: Review, convertedObjects: unknown, more: Item = {}): Reply => ({
  body: { apiVersion: review.apiVersion, kind: review.kind, response: { uid: review.request.uid, result: { status: "Success" }, convertedObjects, ...more } },
});
const each =
  (change: (object: Item, from: string) => unknown): Behaviour =>
  (review) =>
    success(
      review,
      renamed(review).map((object, i) => change(object, String(review.request.objects[i]?.apiVersion))),
    );
const meta = (change: (metadata: Item) => Item): Behaviour => each((object) => ({ ...object, metadata: change(metaOf(object)) }));

/** Versions in which the two fields are the other way round. */
const turned = (apiVersion: string): boolean => /\/(v2|foo|v1alpha1|v3)$/.test(apiVersion);
function swapped(object: Item, from: string, one: string, other: string): Item {
  const { spec } = object;
  if (typeof spec !== "object" || spec === null || Array.isArray(spec) || turned(from) === turned(String(object.apiVersion))) return object;
  const entries = Object.entries(spec).map(([key, value]) => [key === one ? other : key === other ? one : key, value] as const);
  return { ...object, spec: Object.fromEntries(entries) };
}
const withoutField = (object: Item, name: string): Item => {
  const { spec } = object;
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return object;
  return { ...object, spec: Object.fromEntries(Object.entries(spec).filter(([key]) => key !== name)) };
};

/** Each converts whatever it is given. */
export const right: Readonly<Record<string, Behaviour>> = {
  renames: each((object) => object),
  swaps: each((object, from) => swapped(object, from, "a", "b")),
  swapsMore: each((object, from) => swapped(object, from, "name", "size")),
  labels: meta((metadata) => ({ ...metadata, labels: { ...(metadata.labels as Item | undefined), converted: "yes" } })),
  annotates: each((object) => ({
    ...object,
    metadata: { ...metaOf(object), annotations: { ...(metaOf(object).annotations as Item | undefined), to: String(object.apiVersion).split("/")[1] } },
  })),
  strips: meta(({ annotations: _annotations, ...metadata }) => metadata),
  meddles: meta((metadata) => ({ ...metadata, finalizers: ["example.com/other"], generation: 77, resourceVersion: "1", ownerReferences: [] })),
  least: meta(({ name, namespace, uid, labels }) => ({ name, namespace, uid, labels })),
  adds: each((object) => ({ ...object, extra: { a: 1 }, spec: object.spec ?? { a: "b", unknown: 1 } })),
  loses: each((object) => withoutField(object, "a")),
  retypes: each((object) => ({ ...object, status: typeof object.status === "object" && object.status !== null ? { ...object.status, phase: 5 } : "x" })),
  empties: each(({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata })),
  yaml: (review) => ({ type: "application/yaml", body: dump(success(review, renamed(review)).body) }),
  strangers: (review) => ({ ...success(review, renamed(review), { more: 1 }), status: 201, type: "text/plain" }),
};

const failing =
  (result: unknown): Behaviour =>
  (review) =>
    success(review, [], { result });
/** Each is wrong for whatever it is given. */
export const wrong: Readonly<Record<string, Behaviour>> = {
  refuses: failing({ status: "Failure", message: "this judge converts nothing now" }),
  refusesSilently: failing({ status: "Failure" }),
  refusesStrangely: failing({ status: "Maybe", message: "<&> é \n second", reason: "Invalid", code: 422 }),
  noResult: failing(undefined),
  nullResult: failing(null),
  fewer: (review) => success(review, renamed(review).slice(1)),
  more: (review) => success(review, [...renamed(review), ...renamed(review)]),
  none: (review) => success(review, null),
  otherUid: (review) => success(review, renamed(review), { uid: "another" }),
  noUid: (review) => success(review, renamed(review), { uid: undefined }),
  noResponse: ({ apiVersion, kind }) => ({ body: { apiVersion, kind } }),
  nullResponse: ({ apiVersion, kind }) => ({ body: { apiVersion, kind, response: null } }),
  otherVersion: (review) => ({ body: { ...(success(review, renamed(review)).body as Item), apiVersion: "apiextensions.k8s.io/v2" } }),
  otherKind: (review) => ({ body: { ...(success(review, renamed(review)).body as Item), kind: "AdmissionReview" } }),
  stillOld: (review) => success(review, review.request.objects),
  kinds: each((object) => ({ ...object, kind: "Mug" })),
  noKind: each(({ kind: _kind, ...object }) => object),
  noVersion: each(({ apiVersion: _apiVersion, ...object }) => object),
  names: meta((metadata) => ({ ...metadata, name: "another" })),
  noUidOfObject: meta(({ uid: _uid, ...metadata }) => metadata),
  places: meta((metadata) => ({ ...metadata, namespace: "elsewhere" })),
  noMetadata: each(({ metadata: _metadata, ...object }) => object),
  textMetadata: each((object) => ({ ...object, metadata: "x" })),
  listLabels: meta((metadata) => ({ ...metadata, labels: ["a"] })),
  numberLabels: meta((metadata) => ({ ...metadata, labels: { a: 1 } })),
  badLabels: meta((metadata) => ({ ...metadata, labels: { "a b": "c" } })),
  badAnnotations: meta((metadata) => ({ ...metadata, annotations: { "/": "c" } })),
  nullObjects: each(() => null),
  textObjects: each(() => "x"),
  listObjects: each(() => []),
  emptyObjects: each(() => ({})),
  lists: each((object) => ({ ...object, items: [] })),
  nothing: () => ({ body: "" }),
  noJSON: () => ({ body: "{" }),
  words: () => ({ body: "not what was asked for", type: "text/plain" }),
  array: () => ({ body: "[]" }),
  nulls: () => ({ body: "null" }),
  broken: () => ({ status: 500, body: "broken\nquite", type: "text/plain" }),
  denied: () => ({ status: 403, body: { kind: "Status", apiVersion: "v1", status: "Failure", message: "go away", reason: "Forbidden", code: 403 } }),
  missing: () => ({ status: 404, body: "404 page not found", type: "text/plain" }),
  busy: () => ({ status: 422, body: { kind: "Status", apiVersion: "v1", status: "Failure", message: "unclear", code: 422 } }),
  brokenButRight: (review) => ({ ...success(review, renamed(review)), status: 500 }),
  elsewhere: () => ({ status: 302, body: "" }),
};

/** A certificate for 127.0.0.1 that is its own authority. */
function certificate(): { cert: Buffer; key: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), "hook-"));
  try {
    const [key, cert] = ["key", "crt"].map((end) => join(directory, `hook.${end}`)) as [string, string];
    const flags = ["-nodes", "-days", "30", "-subj", "/CN=judge", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** How the webhook of one definition behaves. */
export interface Told {
  how: string;
  /** Milliseconds before it answers. */
  slow?: number;
  /** Only objects whose names end so are converted thus, others as is said here. */
  only?: { end: string; otherwise: string };
}

export class Hook implements AsyncDisposable {
  /** Base64 of PEM. */
  readonly caBundle: string;
  readonly #server: Server;
  readonly #port: number;
  readonly #told = new Map<string, Told>();

  private constructor(server: Server, port: number, caBundle: string) {
    this.#server = server;
    this.#port = port;
    this.caBundle = caBundle;
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { pathname } = new URL(request.url ?? "/", "https://x");
        const told = this.#told.get(pathname.slice(1)) ?? { how: "renames" };
        void this.#reply(JSON.parse(Buffer.concat(chunks).toString()) as Review, told).then((reply) => {
          const { status = 200, type = "application/json", body } = reply;
          response.writeHead(status, { "content-type": type });
          response.end(typeof body === "string" ? body : JSON.stringify(body));
        });
      });
    });
  }
  static async start(port: number): Promise<Hook> {
    const { cert, key } = certificate();
    // Node ends connections that are idle for five seconds. Upstream's client that writes to one at that moment hears EOF, does not send a
    // POST again (net/http), and fails or, where it looks for owners of fields, drops them all (managedfields FieldManager.UpdateNoErrors).
    const server = createServer({ cert, key, keepAliveTimeout: 0 });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new Hook(server, port, cert.toString("base64"));
  }
  async #reply(review: Review, { how, slow = 0, only }: Told): Promise<Reply> {
    const behaviour = (right[how] ?? wrong[how]) as Behaviour;
    if (slow) await pause(slow);
    const concerned = only === undefined || review.request.objects.some((object) => String(metaOf(object).name).endsWith(only.end));
    return (concerned ? behaviour : (right[only.otherwise] as Behaviour))(review);
  }
  urlOf(name: string): string {
    return `https://127.0.0.1:${this.#port}/${name}`;
  }
  /** From the next call on. */
  tell(name: string, told: Told): void {
    this.#told.set(name, told);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
