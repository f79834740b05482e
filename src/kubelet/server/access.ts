/**
 * Who may use the kubelet's API: client certificates that lead to an authority of clients, or tokens that the API server knows
 * (TokenReview), and then what the API server allows them (SubjectAccessReview on nodes/<subresource>), remembered as long
 * as upstream's defaults say (k8s.io/kubernetes/pkg/kubelet/server/auth.go, KEP-2862).
 */
import { createHash } from "node:crypto";
import type { UserInfo } from "../../api/exchange.ts";
import type { SubjectAccessReview } from "../../api/types/authorization-v1.gen.ts";
import type { TokenReview } from "../../api/types/authentication-v1.gen.ts";
import { CertificateVerifier } from "../../api/x509/verifier.ts";
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { subjectaccessreviews, tokenreviews } from "../../client/resources.gen.ts";
import { table } from "../../base/table.ts";

export interface AccessSettings {
  /** PEM bundle of the authorities of clients. Absent: no certificate is believed. */
  clientCA?: string;
  /** Who says nothing is system:anonymous, instead of nobody. */
  anonymous?: boolean;
  /** Whoever is known may do everything, without the API server being asked. */
  alwaysAllow?: boolean;
  /** Milliseconds for which an answer of the API server is remembered. */
  tokenTTL?: number | undefined;
  allowTTL?: number | undefined;
  denyTTL?: number | undefined;
}

const anonymous: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
const maxEntries = 4096;

/** The subresource of nodes that a path is; the finer one is asked first, then `proxy`. */
export function subresourcesOf(path: string): string[] {
  const under = (prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
  if (under("/stats")) return ["stats"];
  if (under("/metrics")) return ["metrics"];
  if (under("/logs")) return ["log"];
  if (under("/checkpoint")) return ["checkpoint"];
  if (under("/statusz")) return ["statusz"];
  if (under("/flagz")) return ["configz"];
  if (under("/healthz")) return ["healthz", "proxy"];
  if (under("/configz")) return ["configz", "proxy"];
  if (under("/pods") || under("/runningpods")) return ["pods", "proxy"];
  return ["proxy"];
}

/** The API's word for a method; empty for one that it has none for. */
export const verbOf = (method: string): string => verbs[method] ?? "";
const verbs = table<string>({ POST: "create", GET: "get", PUT: "update", PATCH: "patch", DELETE: "delete" });

export class Access {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #nodeName: string;
  readonly #tokens = new Map<string, { until: number; user: UserInfo | undefined }>();
  readonly #decisions = new Map<string, { until: number; allowed: boolean }>();
  readonly #settings: AccessSettings;
  #verifier: CertificateVerifier | undefined;
  constructor(client: Client, clock: Clock, nodeName: string, settings: AccessSettings = {}) {
    this.#settings = settings;
    this.#client = client;
    this.#clock = clock;
    this.#nodeName = nodeName;
    if (settings.clientCA) this.trust(settings.clientCA);
  }

  /** Believes certificates of these authorities alone from now on. Throws, and keeps the former ones, where one cannot be read. */
  trust(clientCA: string): void {
    if (this.#verifier) this.#verifier.setAuthorities(clientCA);
    else this.#verifier = new CertificateVerifier({ ca: clientCA, clock: this.#clock });
  }

  /**
   * `certificates` as the client sent them, its own first: one list for a connection. Undefined: nobody who is known; a
   * certificate or a token that does not count is not nobody's.
   */
  async authenticate(certificates: readonly Uint8Array[], authorization: string | undefined): Promise<UserInfo | undefined> {
    const found = certificates.length ? this.#verifier?.look(certificates) : undefined;
    const user = found?.caller?.user;
    if (user) return { ...user, groups: [...(user.groups ?? []), "system:authenticated"] };
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token) return this.#review(token);
    const refused = found && (!found.caller || user === null);
    return this.#settings.anonymous && !authorization && !refused ? anonymous : undefined;
  }

  async #review(token: string): Promise<UserInfo | undefined> {
    const key = createHash("sha256").update(token).digest("base64");
    const now = this.#clock.monotonic();
    const known = this.#tokens.get(key);
    if (known && known.until > now) return known.user;
    const { status } = await this.#client.resource<TokenReview>(tokenreviews).create("", { metadata: {}, spec: { token } });
    const user =
      status.authenticated && status.user
        ? {
            name: status.user.username ?? "",
            groups: status.user.groups ?? [],
            ...(status.user.uid ? { uid: status.user.uid } : {}),
            ...(status.user.extra ? { extra: status.user.extra } : {}),
          }
        : undefined;
    remember(this.#tokens, key, { until: now + (this.#settings.tokenTTL ?? 120_000), user });
    return user;
  }

  async allowed(user: UserInfo, method: string, path: string): Promise<boolean> {
    if (this.#settings.alwaysAllow) return true;
    for (const subresource of subresourcesOf(path)) if (await this.#decide(user, verbOf(method), subresource)) return true;
    return false;
  }

  async #decide(user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const { name, groups, uid, extra } = user;
    const key = JSON.stringify([name, groups, uid, extra, verb, subresource]);
    const now = this.#clock.monotonic();
    const known = this.#decisions.get(key);
    if (known && known.until > now) return known.allowed;
    const { status } = await this.#client.resource<SubjectAccessReview>(subjectaccessreviews).create("", {
      metadata: {},
      spec: {
        user: name,
        groups,
        ...(uid ? { uid } : {}),
        ...(extra ? { extra } : {}),
        resourceAttributes: { verb, group: "", version: "v1", resource: "nodes", subresource, name: this.#nodeName },
      },
    });
    remember(this.#decisions, key, {
      until: now + (status.allowed ? (this.#settings.allowTTL ?? 300_000) : (this.#settings.denyTTL ?? 30_000)),
      allowed: status.allowed,
    });
    return status.allowed;
  }
}

/** Oldest first out. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxEntries) map.delete(map.keys().next().value as string);
}
