/** For tests: an API server over memory, on a virtual clock, and requests to it. */
import { generateKeyPairSync } from "node:crypto";
import type { ApiRequest, ApiResponse, UserInfo } from "../api/exchange.ts";
import type { KubeObject } from "../api/object.ts";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { memoryStore } from "../store/memory.ts";
import { type AssembledServer, type AssembleOptions, assembleApiServer } from "./assemble.ts";

/** An object, a list or a Status; what is no JSON is a message. */
export interface Answer extends KubeObject {
  http: number;
  message?: string;
  warnings?: string[];
  reason?: string;
  items?: KubeObject[];
  spec?: Record<string, unknown>;
  rules?: unknown;
  status?: { phase?: string };
  details?: { causes?: { field?: string; message?: string }[] };
}
export interface Event {
  type: string;
  object: KubeObject;
}

/** The whole of it, also where it comes in chunks. */
export async function bytesOf(body: ApiResponse["body"]): Promise<Buffer> {
  if (body === undefined || body instanceof Uint8Array) return Buffer.from(body ?? []);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const admin: UserInfo = { name: "admin", groups: ["system:masters", "system:authenticated"] };

export interface Asking {
  /** Bytes go out as they are, also those that come in chunks, and text; all else as JSON. */
  body?: unknown;
  /** @default application/json */
  type?: string;
  accept?: string;
  user?: UserInfo;
  signal?: AbortSignal;
}

const isBody = (body: unknown): body is ApiRequest["body"] =>
  body === undefined || body instanceof Uint8Array || (typeof body === "object" && body !== null && Symbol.asyncIterator in body);

export class TestServer implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #store = memoryStore({ clock: this.clock });
  readonly #options: Partial<AssembleOptions>;
  #api: AssembledServer | undefined;

  constructor(options: Partial<AssembleOptions> = {}) {
    this.#options = options;
  }
  /** Throws before start(). */
  get api(): AssembledServer {
    if (!this.#api) throw new Error("the server has not been started");
    return this.#api;
  }
  /** The namespace default has its account from then on. */
  async start(): Promise<void> {
    const serviceAccountKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const options = { clock: this.clock, random: seededRandom(1), logger: silentLogger, store: this.#store, serviceAccountKey };
    const serviceAccountIssuer = "https://kubernetes.default.svc";
    this.#api = await assembleApiServer({ ...options, serviceAccountIssuer, serviceRanges: ["10.96.0.0/24"], ...this.#options });
    await this.answer("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
  }
  send(method: string, target: string, { body, type = "application/json", accept, user = admin, signal }: Asking = {}): Promise<ApiResponse> {
    const [path = "", query = ""] = target.split("?");
    const headers = { "content-type": type, "user-agent": "test/1", ...(accept ? { accept } : {}) };
    const bytes = isBody(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const request = { method, path, query: new URLSearchParams(query), target, headers, user, remoteAddress: "127.0.0.1" };
    return this.api.server.handler({ ...request, ...(bytes ? { body: bytes } : {}), signal: signal ?? new AbortController().signal });
  }
  async answer(method: string, target: string, body?: unknown, type = "application/json", accept = "", user = admin): Promise<Answer> {
    const { status, body: answered, warnings } = await this.send(method, target, { body, type, accept, user });
    const text = (await bytesOf(answered)).toString();
    return { ...(text.startsWith("{") ? JSON.parse(text) : { message: text }), http: status, ...(warnings?.length ? { warnings } : {}) };
  }
  /** The first events of a watch. */
  async watched(target: string, count: number, accept = ""): Promise<Event[]> {
    const stop = new AbortController();
    const { body } = await this.send("GET", target, { accept, signal: stop.signal });
    const events: Event[] = [];
    for await (const frame of body as AsyncIterable<Uint8Array>) {
      for (const line of Buffer.from(frame).toString().trim().split("\n")) events.push(JSON.parse(line));
      if (events.length >= count) break;
    }
    stop.abort();
    return events;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#api?.[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}
