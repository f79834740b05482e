/** For tests: an API server over memory, on a virtual clock, and requests to it. */
import { generateKeyPairSync } from "node:crypto";
import type { UserInfo } from "../api/exchange.ts";
import type { KubeObject } from "../api/object.ts";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { memoryStore } from "../store/memory.ts";
import { type AssembledServer, assembleApiServer } from "./assemble.ts";

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

const admin: UserInfo = { name: "admin", groups: ["system:masters", "system:authenticated"] };

export class TestServer implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #store = memoryStore({ clock: this.clock });
  #api: AssembledServer | undefined;

  /** The namespace default has its account from then on. */
  async start(): Promise<void> {
    const serviceAccountKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const options = { clock: this.clock, random: seededRandom(1), logger: silentLogger, store: this.#store, serviceAccountKey };
    this.#api = await assembleApiServer({ ...options, serviceAccountIssuer: "https://kubernetes.default.svc", serviceRanges: ["10.96.0.0/24"] });
    await this.answer("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
  }
  #handle(method: string, target: string, headers: Record<string, string>, user: UserInfo, body?: Uint8Array, stop = new AbortController()) {
    const [path = "", query = ""] = target.split("?");
    const request = { method, path, query: new URLSearchParams(query), headers, user, remoteAddress: "127.0.0.1", signal: stop.signal };
    return (this.#api as AssembledServer).server.handler({ ...request, ...(body ? { body } : {}) });
  }
  async answer(method: string, target: string, body?: unknown, type = "application/json", accept = "", user = admin): Promise<Answer> {
    const headers = { "content-type": type, "user-agent": "test/1", ...(accept ? { accept } : {}) };
    const bytes = body === undefined ? undefined : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const { status, body: answered, warnings } = await this.#handle(method, target, headers, user, bytes);
    const text = Buffer.from(answered as Uint8Array).toString();
    return { ...(text.startsWith("{") ? JSON.parse(text) : { message: text }), http: status, ...(warnings?.length ? { warnings } : {}) };
  }
  /** The first events of a watch. */
  async watched(target: string, count: number, accept = ""): Promise<Event[]> {
    const stop = new AbortController();
    const { body } = await this.#handle("GET", target, accept ? { accept } : {}, admin, undefined, stop);
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
