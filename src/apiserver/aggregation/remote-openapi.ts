/**
 * OpenAPI documents of the servers behind APIServices: asked for when somebody wants the merged ones, kept for a minute, and
 * kept beyond that while their server does not answer (pkg/controllers/openapi and openapiv3 of kube-aggregator).
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { type Backends, withUser } from "./backend.ts";
import { below, type Swagger } from "./merged-openapi.ts";
import type { Remote, Remotes } from "./remotes.ts";

/** Milliseconds. */
const fresh = 60_000;
const retry = 5000;
const patience = 5000;
/** Bytes of a document. */
const limit = 32 << 20;

/** `apis/GROUP/VERSION` and where its document is. */
export type Index = Record<string, { serverRelativeURL: string }>;

interface Kept<T> {
  value?: T;
  etag?: string;
  /** By the clock's monotonic(). */
  until: number;
  asking?: Promise<void>;
}

export interface RemoteOpenAPIOptions {
  remotes: Remotes;
  backends: Backends;
  clock: Clock;
  logger: Logger;
}

export class RemoteOpenAPI {
  readonly #options: RemoteOpenAPIOptions;
  readonly #swaggers = new Map<string, Kept<Swagger>>();
  readonly #indexes = new Map<string, Kept<Index>>();

  constructor(options: RemoteOpenAPIOptions) {
    this.#options = options;
  }

  /** In the order of their names; the same objects as long as they are the same documents. */
  async swaggers(): Promise<Swagger[]> {
    const ask = (remote: Remote, etag: string | undefined) => this.#swagger(remote, etag);
    return (await this.#all(this.#swaggers, ask)).map(([, document]) => document);
  }

  async indexes(): Promise<[remote: Remote, index: Index][]> {
    return this.#all(this.#indexes, (remote, etag) => this.#index(remote, etag));
  }

  async #all<T>(kept: Map<string, Kept<T>>, ask: (remote: Remote, etag: string | undefined) => Promise<Kept<T>>): Promise<[Remote, T][]> {
    const { remotes, clock, logger } = this.#options;
    for (const name of kept.keys()) if (!remotes.get(name)) kept.delete(name);
    const now = clock.monotonic();
    const wanted = [...remotes.all()].filter(({ group, available }) => group && available).sort((a, b) => (a.name < b.name ? -1 : 1));
    const work = wanted.map(async (remote) => {
      const known = kept.get(remote.name) ?? { until: 0 };
      kept.set(remote.name, known);
      if (known.until <= now) {
        known.asking ??= ask(remote, known.etag)
          .then((answer) => void Object.assign(known, answer))
          .catch((error) => {
            known.until = clock.monotonic() + retry;
            logger.debug("an aggregated API has no OpenAPI document", { name: remote.name, error });
          })
          .finally(() => {
            delete known.asking;
          });
        // What is known is good enough until the newer one has come.
        if (known.value === undefined) await known.asking;
      }
      return known.value === undefined ? undefined : ([remote, known.value] as [Remote, T]);
    });
    return (await Promise.all(work)).filter((one) => one !== undefined);
  }

  async #swagger(remote: Remote, etag: string | undefined): Promise<Kept<Swagger>> {
    const answer = await this.#get(remote, "/openapi/v2", etag);
    if (!answer) return this.#until({});
    return this.#until({ value: below(JSON.parse(answer.text), `/apis/${remote.group}/${remote.version}`), ...(answer.etag ? { etag: answer.etag } : {}) });
  }

  async #index(remote: Remote, etag: string | undefined): Promise<Kept<Index>> {
    const answer = await this.#get(remote, "/openapi/v3", etag);
    if (!answer) return this.#until({});
    const { paths } = JSON.parse(answer.text) as { paths?: Record<string, { serverRelativeURL?: unknown }> };
    const own = `apis/${remote.group}/${remote.version}`;
    const found = Object.entries(paths ?? {}).filter(
      ([path, { serverRelativeURL }]) => (path === own || own.startsWith(`${path}/`)) && typeof serverRelativeURL === "string",
    );
    return this.#until({ value: Object.fromEntries(found) as Index, ...(answer.etag ? { etag: answer.etag } : {}) });
  }

  #until<T>(kept: Omit<Kept<T>, "until">): Kept<T> {
    return { ...kept, until: this.#options.clock.monotonic() + fresh };
  }

  /** Undefined where nothing has changed. */
  async #get(remote: Remote, path: string, etag: string | undefined): Promise<{ text: string; etag: string | undefined } | undefined> {
    const abort = new AbortController();
    const timer = this.#options.clock.after(patience, () => abort.abort(new Error("request timed out")));
    try {
      const headers = withUser({ accept: "application/json", ...(etag ? { "if-none-match": etag } : {}) }, { name: "system:aggregator", groups: [] });
      const { response, body } = await this.#options.backends.fetch(remote, { method: "GET", path, headers, signal: abort.signal }, limit);
      if (response.statusCode === 304) return undefined;
      if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
      return { text: body.toString(), etag: response.headers.etag };
    } finally {
      timer.cancel();
    }
  }
}
