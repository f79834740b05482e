/**
 * A registry for images (OCI distribution-spec 1.1: pull, push, content discovery, content management), over a directory.
 *
 * Whoever reaches it may read; to write takes a password, because a node runs what it finds here. It answers only requests
 * for names of this machine unless it is told more, so that no web page's name leads here. With `?ns=HOST`, as containerd asks a mirror, `NAME` means `HOST/NAME` first.
 */
import { listening } from "../../base/listening.ts";
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "../../base/http1.ts";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { sendBlob } from "./blobs.ts";
import { RegistryError } from "./errors.ts";
import { readManifest } from "./manifest.ts";
import { type Digest, digestOf, isAlgorithm, isRepositoryName, isTag, parseDigest } from "./names.ts";
import { RegistryStorage } from "./storage.ts";
import { Uploads } from "./uploads.ts";

export interface RegistryOptions {
  directory: string;
  /** @default "127.0.0.1" */
  host?: string;
  /** 0: any that is free. */
  port: number;
  /** Further names by which clients may call it. */
  names?: readonly string[];
  /** For the user `k8ts`; without one, everybody may write. */
  password?: string;
  clock: Clock;
  random: Random;
  logger: Logger;
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
}

export const registryUser = "k8ts";
const largestManifest = 8 * 1024 * 1024;
const indexType = "application/vnd.oci.image.index.v1+json";

export class Registry {
  readonly #options: RegistryOptions;
  readonly #storage: RegistryStorage;
  readonly #uploads: Uploads;
  readonly #server: Server;

  /** Resolves when it listens. Rejects with one sentence when the port is taken. */
  static async start(options: RegistryOptions): Promise<Registry> {
    const storage = await RegistryStorage.open(options.directory);
    const registry = new Registry(options, storage);
    await registry.#listen();
    return registry;
  }
  private constructor(options: RegistryOptions, storage: RegistryStorage) {
    this.#options = options;
    this.#storage = storage;
    this.#uploads = new Uploads(storage, options.clock, options.random);
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => void this.#answer(request, response));
  }
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  async #listen(): Promise<void> {
    const { host = "127.0.0.1", port } = this.#options;
    try {
      await listening(this.#server, { port, host });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      throw new Error(`port ${port} of ${host} is in use: choose another for the registry`);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("Docker-Distribution-API-Version", "registry/2.0");
    try {
      this.#assertOurName(request.headers.host ?? "");
      const url = new URL(request.url ?? "/", "http://registry");
      this.#assertMay(request, response, url.pathname);
      await this.#route(decodeURIComponent(url.pathname), { request, response, query: url.searchParams });
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }
  #assertOurName(host: string): void {
    const name = host.replace(/:\d+$/, "");
    const known = name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name) || name === this.#options.host;
    if (!known && !this.#options.names?.includes(name)) throw new RegistryError("DENIED", `this registry does not go by the name ${JSON.stringify(name)}`);
  }
  /** Clients ask `/v2/` who may; they show what they have only after a refusal. */
  #assertMay(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { password } = this.#options;
    const given = request.headers.authorization;
    const isRead = request.method === "GET" || request.method === "HEAD";
    // Credentials for another registry, which a mirror's client shows here, do not spoil what is free.
    if (password === undefined || (isRead && path !== "/v2/")) return;
    const wanted = Buffer.from(`Basic ${Buffer.from(`${registryUser}:${password}`).toString("base64")}`);
    const shown = Buffer.from(given ?? "");
    if (shown.length === wanted.length && timingSafeEqual(shown, wanted)) return;
    response.setHeader("WWW-Authenticate", 'Basic realm="k8ts"');
    throw new RegistryError("UNAUTHORIZED", `log in as ${registryUser}: the password is in the file registry-password of the data directory`);
  }
  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) return void response.destroy();
    const known =
      error instanceof RegistryError ? error : error instanceof URIError ? new RegistryError("NAME_INVALID", "the path is not encoded well") : undefined;
    if (!known) this.#options.logger.warn("the registry could not answer", { method: request.method, url: request.url, error });
    const body = JSON.stringify({ errors: [{ code: known?.code ?? "UNKNOWN", message: (error as Error).message }] });
    // What the client still sends goes nowhere, but has to be taken for the client to read the answer.
    request.resume();
    response.writeHead(known?.status ?? 500, { "Content-Type": "application/json", ...known?.headers });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #route(path: string, call: Call): Promise<void> {
    const { method = "" } = call.request;
    const isRead = method === "GET" || method === "HEAD";
    if ((path === "/v2/" || path === "/v2") && isRead) return json(call, {});
    if (path === "/v2/_catalog" && isRead) return this.#catalog(call);
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(path);
    const other = upload ? null : /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(path);
    const name = upload?.[1] ?? other?.[1];
    if (name === undefined) throw new RegistryError("UNSUPPORTED", `${method} ${path} is not served`, { status: 404 });
    if (!isRepositoryName(name)) throw new RegistryError("NAME_INVALID", `${JSON.stringify(name)} is no repository name`);
    if (upload) return this.#upload(call, method, name, upload[2] as string);
    const [kind, reference] = [other?.[2], other?.[3] ?? ""];
    if (isRead) {
      const found = await this.#meant(call, name);
      if (kind === "manifests") return this.#getManifest(call, found, reference);
      if (kind === "blobs") return this.#getBlob(call, found, digestIn(reference));
      if (kind === "tags" && reference === "list") return this.#tags(call, found);
      if (kind === "referrers") return this.#referrers(call, found, digestIn(reference));
    }
    if (method === "PUT" && kind === "manifests") return this.#putManifest(call, name, reference);
    if (method === "DELETE" && kind === "manifests") return this.#deleteManifest(call, name, reference);
    if (method === "DELETE" && kind === "blobs") {
      if (!(await this.#storage.deleteBlob(name, digestIn(reference)))) throw new RegistryError("BLOB_UNKNOWN", `${name} has no blob ${reference}`);
      return end(call, 202);
    }
    throw new RegistryError("UNSUPPORTED", `${method} ${path} is not served`);
  }
  /** The repository that a client of a mirror means. */
  async #meant({ query, response }: Call, name: string): Promise<string> {
    const host = query.get("ns");
    const full = `${host}/${name}`;
    if (!host || !isRepositoryName(full) || !(await this.#storage.hasRepository(full))) return name;
    response.setHeader("OCI-Namespace", host);
    return full;
  }

  async #catalog(call: Call): Promise<void> {
    const repositories = page(call, await this.#storage.repositories(), "/v2/_catalog");
    json(call, { repositories });
  }
  async #tags(call: Call, name: string): Promise<void> {
    if (!(await this.#storage.hasRepository(name))) throw new RegistryError("NAME_UNKNOWN", `there is no repository ${name}`);
    json(call, { name, tags: page(call, await this.#storage.tags(name), `/v2/${name}/tags/list`) });
  }
  async #referrers(call: Call, name: string, subject: Digest): Promise<void> {
    const artifactType = call.query.get("artifactType");
    const all = await this.#storage.referrers(name, subject);
    if (artifactType) call.response.setHeader("OCI-Filters-Applied", "artifactType");
    const manifests = artifactType ? all.filter((one) => one.artifactType === artifactType) : all;
    json(call, { schemaVersion: 2, mediaType: indexType, manifests }, indexType);
  }

  async #getManifest({ request, response }: Call, name: string, reference: string): Promise<void> {
    if (!isTag(reference)) digestIn(reference);
    const found = await this.#storage.manifest(name, reference);
    if (!found) throw new RegistryError("MANIFEST_UNKNOWN", `${name} has no manifest ${reference}`);
    response.writeHead(200, {
      "Content-Type": found.mediaType,
      "Content-Length": found.bytes.length,
      "Docker-Content-Digest": found.digest,
      ETag: `"${found.digest}"`,
    });
    response.end(request.method === "HEAD" ? undefined : found.bytes);
  }
  async #putManifest(call: Call, name: string, reference: string): Promise<void> {
    const bytes = await smallBody(call.request);
    const wanted = isTag(reference) ? undefined : digestIn(reference);
    const digest = digestIn(digestOf(bytes, wanted?.algorithm));
    const spelled = `${digest.algorithm}:${digest.hex}`;
    if (wanted && wanted.hex !== digest.hex) throw new RegistryError("DIGEST_INVALID", `the manifest has the digest ${spelled}`);
    const manifest = readManifest(bytes, call.request.headers["content-type"]);
    for (const blob of manifest.blobs) {
      const known = parseDigest(blob);
      if (!known) throw new RegistryError("MANIFEST_INVALID", `${JSON.stringify(blob)} is no digest that is served here`);
      if (!(await this.#storage.blob(name, known))) throw new RegistryError("MANIFEST_BLOB_UNKNOWN", `${name} has no blob ${blob}: push it first`);
    }
    const tags = wanted ? call.query.getAll("tag") : [reference];
    const odd = tags.find((tag) => !isTag(tag));
    if (odd !== undefined) throw new RegistryError("MANIFEST_INVALID", `${JSON.stringify(odd)} is no tag`);
    await this.#storage.putManifest(name, digest, bytes, manifest, tags);
    end(call, 201, {
      Location: `/v2/${name}/manifests/${spelled}`,
      "Docker-Content-Digest": spelled,
      ...(manifest.subject ? { "OCI-Subject": manifest.subject } : {}),
      ...(wanted && tags.length ? { "OCI-Tag": tags.join(", ") } : {}),
    });
  }
  async #deleteManifest(call: Call, name: string, reference: string): Promise<void> {
    const gone = isTag(reference) ? await this.#storage.deleteTag(name, reference) : await this.#storage.deleteManifest(name, digestIn(reference));
    if (!gone) throw new RegistryError("MANIFEST_UNKNOWN", `${name} has no manifest ${reference}`);
    end(call, 202);
  }

  async #getBlob({ request, response }: Call, name: string, digest: Digest): Promise<void> {
    const found = await this.#storage.blob(name, digest);
    if (!found) throw new RegistryError("BLOB_UNKNOWN", `${name} has no blob ${digest.algorithm}:${digest.hex}`);
    await sendBlob(request, response, found, digest);
  }
  async #upload(call: Call, method: string, name: string, id: string): Promise<void> {
    const { request, query } = call;
    if (id === "") {
      if (method !== "POST") throw new RegistryError("UNSUPPORTED", `uploads begin with POST, not ${method}`);
      return this.#beginUpload(call, name);
    }
    const location = `/v2/${name}/blobs/uploads/${id}`;
    const progress = (size: number): Record<string, string> => ({ Location: location, Range: `0-${Math.max(0, size - 1)}`, "Docker-Upload-UUID": id });
    if (method === "GET" || method === "HEAD") return end(call, 204, progress(this.#uploads.size(name, id)));
    if (method === "DELETE") {
      await this.#uploads.cancel(name, id);
      return end(call, 204);
    }
    if (method !== "PATCH" && method !== "PUT") throw new RegistryError("UNSUPPORTED", `${method} is not for uploads`);
    const digest = method === "PUT" ? digestIn(query.get("digest") ?? "") : undefined;
    try {
      const size = await this.#uploads.append(name, id, request, rangeIn(request));
      if (!digest) return end(call, 202, progress(size));
    } catch (error) {
      if (error instanceof RegistryError && error.status === 416) Object.assign(error.headers, progress(this.#uploads.size(name, id)));
      throw error;
    }
    await this.#uploads.finish(name, id, digest);
    this.#created(call, name, digest);
  }
  async #beginUpload(call: Call, name: string): Promise<void> {
    const { request, query } = call;
    const mount = query.get("mount");
    const from = query.get("from") ?? undefined;
    if (mount !== null) {
      const digest = digestIn(mount);
      if ((from === undefined || isRepositoryName(from)) && (await this.#storage.mount(name, digest, from))) return this.#created(call, name, digest);
    }
    const algorithm = query.get("digest-algorithm") ?? query.get("digest")?.split(":")[0] ?? "sha256";
    if (!isAlgorithm(algorithm)) throw new RegistryError("DIGEST_INVALID", `digests of the algorithm ${JSON.stringify(algorithm)} are not served here`);
    const whole = query.has("digest") ? digestIn(query.get("digest") ?? "") : undefined;
    const id = await this.#uploads.begin(name, algorithm);
    if (whole) {
      await this.#uploads.append(name, id, request, undefined);
      await this.#uploads.finish(name, id, whole);
      return this.#created(call, name, whole);
    }
    request.resume();
    end(call, 202, { Location: `/v2/${name}/blobs/uploads/${id}`, Range: "0-0", "Docker-Upload-UUID": id });
  }
  #created(call: Call, name: string, { algorithm, hex }: Digest): void {
    end(call, 201, { Location: `/v2/${name}/blobs/${algorithm}:${hex}`, "Docker-Content-Digest": `${algorithm}:${hex}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    await this.#uploads[Symbol.asyncDispose]();
  }
}

function digestIn(text: string): Digest {
  const digest = parseDigest(text);
  if (!digest) throw new RegistryError("DIGEST_INVALID", `${JSON.stringify(text)} is no digest of sha256 or sha512`);
  return digest;
}

function rangeIn(request: IncomingMessage): { start: number; end: number } | undefined {
  const text = request.headers["content-range"];
  if (text === undefined) return undefined;
  const match = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(text);
  if (!match || Number(match[2]) < Number(match[1]))
    throw new RegistryError("BLOB_UPLOAD_INVALID", `Content-Range ${JSON.stringify(text)} is not START-END`, { status: 416 });
  return { start: Number(match[1]), end: Number(match[2]) };
}

async function smallBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestManifest) throw new RegistryError("SIZE_INVALID", `a manifest has at most ${largestManifest} bytes`, { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The part of a sorted list that `n` and `last` ask for, with a link to what follows. */
function page({ query, response }: Call, all: string[], path: string): string[] {
  const last = query.get("last");
  const rest = last === null ? all : all.filter((one) => one > last);
  const asked = query.get("n");
  if (asked === null || !/^\d{1,9}$/.test(asked)) return rest;
  const chosen = rest.slice(0, Number(asked));
  if (chosen.length && chosen.length < rest.length)
    response.setHeader("Link", `<${path}?n=${asked}&last=${encodeURIComponent(chosen.at(-1) as string)}>; rel="next"`);
  return chosen;
}

function json({ request, response }: Call, value: unknown, type = "application/json"): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, { "Content-Type": type, "Content-Length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function end({ response }: Call, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Length": "0", ...headers });
  response.end();
}
