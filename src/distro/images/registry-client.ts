/**
 * A client of registries (OCI distribution-spec 1.1), for one repository: manifests and blobs, in and out, streamed. What
 * fails for a passing reason is tried again, from where it stopped; what was received is what its digest says, or it fails.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { Credentials } from "./docker-config.ts";
import { RegistryAuth } from "./registry-auth.ts";
import { type Answer, type Exchange, exchange, failureOf, type Trust, textOf } from "./registry-http.ts";

export interface RegistryClientOptions {
  /** `https://registry.example`; a path is put in front of `/v2`. */
  endpoint: URL;
  repository: string;
  credentials?: Credentials | undefined;
  trust?: Trust;
  clock: Clock;
  signal?: AbortSignal;
  /** Bytes of one request of an upload; less than the whole makes it chunked. @default the whole blob */
  chunkSize?: number;
}

export interface ManifestAnswer {
  bytes: Buffer;
  mediaType: string;
  digest: string;
}

/** Content that can be read again, from any place on. */
export interface BlobSource {
  digest: string;
  size: number;
  open(offset: number): AsyncIterable<Uint8Array>;
}

export class RegistryRefusal extends Error {
  override name = "RegistryRefusal";
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const attempts = 5;
const passing = new Set([408, 429, 500, 502, 503, 504]);

export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #auth: RegistryAuth;
  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#auth = new RegistryAuth(options.credentials, options.trust ?? {}, options.clock);
  }
  #url(path: string): URL {
    const { endpoint, repository } = this.#options;
    return new URL(`${endpoint.pathname.replace(/\/$/, "")}/v2/${repository}/${path}`, endpoint);
  }
  #scope(actions: string): string {
    return `repository:${this.#options.repository}:${actions}`;
  }
  /** One request, with credentials when they are asked for. */
  async #send(wanted: Exchange, scope: string): Promise<Answer> {
    const { signal, trust } = this.#options;
    for (let proved = false; ; proved = true) {
      const header = this.#auth.header(scope);
      const answer = await exchange({
        ...wanted,
        trust: trust ?? {},
        signal,
        headers: { "User-Agent": "k8ts", ...wanted.headers, ...(header ? { Authorization: header } : {}) },
      });
      const challenge = answer.headers["www-authenticate"];
      if (answer.status !== 401 || proved || !challenge) return answer;
      answer.body.resume();
      if (!(await this.#auth.prove(challenge, scope, signal)))
        throw new RegistryRefusal(`${wanted.url.host} asks for credentials: log in with docker login, or write them into ~/.docker/config.json`, 401);
    }
  }
  /** Tries again what failed for a passing reason; the last answer or error is the result. */
  async #retry<T>(work: () => Promise<T | Answer>, isAnswer: (value: T | Answer) => value is Answer): Promise<T | Answer> {
    const { clock, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      let wait = 200 * 2 ** attempt;
      try {
        const result = await work();
        if (!isAnswer(result) || !passing.has(result.status) || attempt === attempts) return result;
        const after = Number(result.headers["retry-after"]);
        if (after > 0 && after <= 60) wait = after * 1000;
        result.body.resume();
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof RegistryRefusal || attempt === attempts || !isPassing(error)) throw error;
      }
      await clock.sleep(wait, signal);
    }
  }
  async #ask(wanted: Exchange, actions: string): Promise<Answer> {
    return this.#retry<Answer>(
      () => this.#send(wanted, this.#scope(actions)),
      (value): value is Answer => value !== undefined,
    );
  }
  async #fail(what: string, answer: Answer): Promise<never> {
    throw new RegistryRefusal(`${what}: ${this.#options.endpoint.host} says ${await failureOf(answer)}`, answer.status);
  }

  /** By tag or digest. Undefined when the registry has none. */
  async manifest(reference: string): Promise<ManifestAnswer | undefined> {
    const answer = await this.#ask({ method: "GET", url: this.#url(`manifests/${reference}`), headers: { Accept: manifestTypes } }, "pull");
    if (answer.status === 404) return void answer.body.resume();
    if (answer.status !== 200) return this.#fail(`the manifest ${reference} of ${this.#options.repository} cannot be read`, answer);
    const bytes = Buffer.from(await textOf(answer));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (reference.startsWith("sha256:") && digest !== reference)
      throw new RegistryRefusal(`${this.#options.endpoint.host} sends another manifest than ${reference}`, 502);
    return { bytes, mediaType: (answer.headers["content-type"] ?? "").split(";")[0] ?? "", digest };
  }
  /** Goes on after a connection that broke. Rejects when the content is not what the digest says. */
  async *blob(digest: string, size: number): AsyncGenerator<Buffer> {
    const hash = createHash("sha256");
    let at = 0;
    for (let attempt = 1; at < size || attempt === 1; attempt++) {
      const answer = await this.#ask({ method: "GET", url: this.#url(`blobs/${digest}`), headers: at ? { Range: `bytes=${at}-` } : {} }, "pull");
      if (answer.status !== 200 && answer.status !== 206) return void (await this.#fail(`the blob ${digest} cannot be read`, answer));
      let skip = answer.status === 200 ? at : 0;
      try {
        for await (const chunk of answer.body as AsyncIterable<Buffer>) {
          const fresh = chunk.subarray(Math.min(skip, chunk.length));
          skip -= chunk.length - fresh.length;
          at += fresh.length;
          if (at > size) throw new RegistryRefusal(`${this.#options.endpoint.host} sends more than the ${size} bytes of ${digest}`, 502);
          hash.update(fresh);
          yield fresh;
        }
        if (at < size && attempt === attempts)
          throw new RegistryRefusal(`${this.#options.endpoint.host} sends only ${at} of the ${size} bytes of ${digest}`, 502);
      } catch (error) {
        if (error instanceof RegistryRefusal || attempt === attempts || !isPassing(error)) throw error;
      }
    }
    if (`sha256:${hash.digest("hex")}` !== digest) throw new RegistryRefusal(`${this.#options.endpoint.host} sends another blob than ${digest}`, 502);
  }
  async hasBlob(digest: string): Promise<boolean> {
    const answer = await this.#ask({ method: "HEAD", url: this.#url(`blobs/${digest}`) }, "pull,push");
    answer.body.resume();
    return answer.status === 200;
  }
  /** Brings a blob there unless it is there; `from` names another repository of the registry that may have it. */
  async pushBlob(
    source: BlobSource,
    options: { from?: string | undefined; onBytes?: (count: number) => void } = {},
  ): Promise<"present" | "mounted" | "pushed"> {
    if (await this.hasBlob(source.digest)) return "present";
    const query = options.from ? `?mount=${encodeURIComponent(source.digest)}&from=${encodeURIComponent(options.from)}` : "";
    const begun = await this.#ask({ method: "POST", url: this.#url(`blobs/uploads/${query}`), headers: { "Content-Length": 0 } }, "pull,push");
    if (begun.status !== 201 && begun.status !== 202) return this.#fail(`the upload of ${source.digest} cannot begin`, begun);
    begun.body.resume();
    if (begun.status === 201) return "mounted";
    await this.#upload(source, begun, options.onBytes ?? (() => undefined));
    return "pushed";
  }
  async #upload(source: BlobSource, begun: Answer, onBytes: (count: number) => void): Promise<void> {
    let location = locationOf(begun);
    let at = 0;
    const minimum = Number(begun.headers["oci-chunk-min-length"] ?? 0);
    const chunk = Math.max(minimum, this.#options.chunkSize ?? Number.POSITIVE_INFINITY);
    for (let failures = 0; ; ) {
      const end = Math.min(source.size, at + chunk);
      const last = end === source.size;
      const url = new URL(location);
      if (last) url.searchParams.set("digest", source.digest);
      const body = (): AsyncIterable<Uint8Array> => part(source.open(at), end - at, onBytes);
      const headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": end - at,
        ...(at > 0 || !last ? { "Content-Range": `${at}-${end - 1}` } : {}),
      };
      try {
        const answer = await this.#send({ method: last ? "PUT" : "PATCH", url, headers, body }, this.#scope("pull,push"));
        if (answer.status === (last ? 201 : 202)) {
          answer.body.resume();
          if (last) return;
          at = end;
          location = locationOf(answer);
          failures = 0;
          continue;
        }
        if ((!passing.has(answer.status) && answer.status !== 416) || ++failures === attempts)
          return void (await this.#fail(`the upload of ${source.digest} failed`, answer));
        answer.body.resume();
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        if (error instanceof RegistryRefusal || !isPassing(error) || ++failures === attempts) throw error;
      }
      await this.#options.clock.sleep(200 * 2 ** failures, this.#options.signal);
      const where = await this.#ask({ method: "GET", url: new URL(location) }, "pull,push");
      where.body.resume();
      if (where.status !== 204) throw new RegistryRefusal(`the upload of ${source.digest} broke off, and ${url.host} does not know it any more`, where.status);
      // `0-0` is what many registries say of nothing at all: one byte sent twice is refused, none sent is not.
      const received = Number(/-(\d+)$/.exec(where.headers.range ?? "")?.[1] ?? 0);
      at = received === 0 ? 0 : received + 1;
      location = where.headers.location ? locationOf(where) : location;
    }
  }
  /** `reference` is a tag or the manifest's digest. */
  async pushManifest(reference: string, bytes: Uint8Array, mediaType: string): Promise<void> {
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    const headers = { "Content-Type": mediaType, "Content-Length": bytes.length };
    const answer = await this.#ask({ method: "PUT", url: this.#url(`manifests/${reference}`), headers, body }, "pull,push");
    if (answer.status !== 201) return this.#fail(`the manifest ${reference} of ${this.#options.repository} cannot be written`, answer);
    answer.body.resume();
  }
}

function locationOf(answer: Answer): string {
  const { location } = answer.headers;
  if (!location) throw new RegistryRefusal(`${answer.url.host} does not say where the upload goes on`, answer.status);
  return new URL(location, answer.url).href;
}

async function* part(source: AsyncIterable<Uint8Array>, length: number, onBytes: (count: number) => void): AsyncGenerator<Uint8Array> {
  let left = length;
  if (left === 0) return;
  for await (const chunk of source) {
    const fresh = chunk.subarray(0, left);
    left -= fresh.length;
    onBytes(fresh.length);
    yield fresh;
    if (left === 0) return;
  }
  throw new RegistryRefusal("the content ended before its size", 0);
}

const passingCodes = new Set(["ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "ERR_STREAM_PREMATURE_CLOSE", "HPE_INVALID_EOF_STATE"]);
const isPassing = (error: unknown): boolean => {
  const { code, message } = error as NodeJS.ErrnoException;
  return passingCodes.has(code ?? "") || / is silent$|socket hang up|aborted/.test(message ?? "");
};
