/**
 * API servers behind this one (k8s.io/kube-aggregator): what belongs to an APIService with a Service is forwarded, and
 * discovery and OpenAPI show everything as one. Without such APIServices nothing here costs a request anything.
 */
import { stringify } from "../../api/codec/json.ts";
import type { APIGroupDiscoveryList } from "../../api/discovery.ts";
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from "../../api/exchange.ts";
import { encodeSwagger } from "../../api/openapi/v2-protobuf.ts";
import type { APIGroup, APIGroupList } from "../../api/types/meta-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { join, relayRefusal, responseHead } from "../../base/relay.ts";
import type { UpgradeHandler } from "../http/listener.ts";
import { respondIndex, respondSwagger } from "../openapi.ts";
import { upgrading } from "../streaming/connectable.ts";
import type { AdmittedUpgrade } from "../upgrades.ts";
import { Availability } from "./availability.ts";
import { type BackendOptions, Backends } from "./backend.ts";
import { mergedDiscovery, mergedGroup, mergedGroups } from "./merged-discovery.ts";
import { mergedSwagger, type Swagger } from "./merged-openapi.ts";
import { type ForwardOptions, forward, forwardUpgrade } from "./proxy.ts";
import { RemoteDiscovery } from "./remote-discovery.ts";
import { type Index, RemoteOpenAPI } from "./remote-openapi.ts";
import { orderOf, type Remote, Remotes } from "./remotes.ts";

export interface AggregatorOptions extends BackendOptions {
  clock: Clock;
  logger: Logger;
  /** Milliseconds that an answer that is no watch may take. */
  patience: number;
  /** What this server itself serves. */
  swagger(): Swagger;
  index(): Index;
}

interface MadeSwagger {
  base: Swagger;
  parts: readonly Swagger[];
  json?: Uint8Array;
  protobuf?: Uint8Array;
}

export class Aggregator implements AsyncDisposable {
  readonly #options: AggregatorOptions;
  readonly #remotes: Remotes;
  readonly #backends: Backends;
  readonly #forward: ForwardOptions;
  readonly #discovery: RemoteDiscovery;
  readonly #openapi: RemoteOpenAPI;
  #availability: Availability | undefined;
  #swagger: MadeSwagger | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    const { reader, clock, logger, patience } = options;
    const remotes = new Remotes(reader);
    const backends = new Backends(options);
    this.#remotes = remotes;
    this.#backends = backends;
    this.#forward = { backends, clock, logger, patience };
    this.#discovery = new RemoteDiscovery({ reader, remotes, backends, clock, logger });
    this.#openapi = new RemoteOpenAPI({ remotes, backends, clock, logger });
  }

  /** Conditions of APIServices are kept from now on, written through `handler`. */
  watchAvailability(handler: ApiHandler): void {
    const { reader, clock, logger } = this.#options;
    this.#availability = new Availability({ reader, remotes: this.#remotes, backends: this.#backends, handler, clock, logger });
  }

  /** Whose a path is; undefined: this server's own. */
  at(path: string): Remote | undefined {
    return this.#remotes.at(path);
  }

  forward(request: ApiRequest, user: UserInfo, remote: Remote, long: boolean): Promise<ApiResponse> {
    return forward(request, user, remote, long, this.#forward);
  }

  /** Answers upgrades of what is not this server's own; all others are `own`'s. */
  upgradeHandler(admit: (request: ApiRequest) => Promise<AdmittedUpgrade>, own: UpgradeHandler): UpgradeHandler {
    return (request, upgrade) => {
      const remote = this.at(request.path);
      if (!remote) return own(request, upgrade);
      let user: UserInfo | undefined;
      const admitted = async (asked: ApiRequest): Promise<AdmittedUpgrade> => {
        const found = await admit(asked);
        user = found.user;
        return found;
      };
      return upgrading(admitted, request, upgrade, async (_, started) => {
        const { response, socket, head } = await forwardUpgrade(upgrade.request, request, user as UserInfo, remote, this.#forward);
        started(response.statusCode ?? 101);
        if (!socket) return relayRefusal(upgrade.socket, response);
        upgrade.socket.write(responseHead(response));
        join(upgrade.socket, socket, { fromA: upgrade.head, ...(head ? { fromB: head } : {}) });
      });
    };
  }

  /** `/apis`. */
  groups(local: APIGroupList): APIGroupList {
    return this.#remotes.size ? mergedGroups(local, this.#remotes.all(), orderOf(this.#options.reader)) : local;
  }
  /** `/apis/GROUP`. */
  group(name: string, local: APIGroup | undefined): APIGroup | undefined {
    return this.#remotes.size ? mergedGroup(name, local, this.#remotes.all(), orderOf(this.#options.reader)) : local;
  }
  /** `/apis` in its aggregated form. */
  discovery(local: APIGroupDiscoveryList): APIGroupDiscoveryList {
    if (!this.#remotes.size) return local;
    return mergedDiscovery(local, this.#remotes.all(), (remote) => this.#discovery.of(remote), orderOf(this.#options.reader));
  }
  /** Paths that clients may ask for. */
  *paths(): Generator<string> {
    for (const { group, version } of this.#remotes.all()) if (group) yield* [`/apis/${group}`, `/apis/${group}/${version}`];
  }

  /** OpenAPI with what others serve, at a decoded path; undefined where this server's own is all there is. */
  async openapi(request: ApiRequest, path: string, user: UserInfo): Promise<ApiResponse | undefined> {
    if (!this.#remotes.size) return undefined;
    if (path === "/openapi/v2") return this.#v2(request);
    if (path !== "/openapi/v3" && !path.startsWith("/openapi/v3/")) return undefined;
    const local = this.#options.index();
    if (path !== "/openapi/v3" && local[path.slice("/openapi/v3/".length)]) return undefined;
    const indexes = await this.#openapi.indexes();
    if (path === "/openapi/v3") {
      if (!indexes.length) return undefined;
      const paths = Object.assign({}, ...indexes.map(([, index]) => index), local) as Index;
      return respondIndex(request, { paths });
    }
    const owner = indexes.find(([, index]) => index[path.slice("/openapi/v3/".length)]);
    return owner && this.forward(request, user, owner[0], false);
  }

  async #v2(request: ApiRequest): Promise<ApiResponse | undefined> {
    const parts = await this.#openapi.swaggers();
    if (!parts.length) return undefined;
    const base = this.#options.swagger();
    const known = this.#swagger;
    const same = known?.base === base && known.parts.length === parts.length && parts.every((part, i) => part === known.parts[i]);
    const made: MadeSwagger = same && known ? known : { base, parts };
    this.#swagger = made;
    const merge = (): Swagger => mergedSwagger(base, parts);
    return respondSwagger(request, {
      json: () => (made.json ??= Buffer.from(stringify(merge()))),
      protobuf: () => (made.protobuf ??= encodeSwagger(merge())),
    });
  }

  /** Resolves when no APIService is being looked at. */
  async settled(): Promise<void> {
    await this.#availability?.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#backends.close();
    await this.#availability?.[Symbol.asyncDispose]();
    await this.#discovery[Symbol.asyncDispose]();
  }
}
