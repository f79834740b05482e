/** Who asks and whether they may, answered by the API server (TokenReview, SubjectAccessReview) and remembered for ten seconds. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { UserInfo } from "../../api/exchange.ts";
import type { TokenReview } from "../../api/types/authentication-v1.gen.ts";
import type { SubjectAccessReview, SubjectAccessReviewSpec } from "../../api/types/authorization-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { subjectaccessreviews, tokenreviews } from "../../client/resources.gen.ts";
import type { CallerIdentity } from "./caller-identity.ts";

const remembered = 10_000;
const maxEntries = 1000;

export class DelegatedAccess {
  readonly #client: Client;
  readonly #rights: Client;
  readonly #callers: CallerIdentity | undefined;
  readonly #clock: Clock;
  readonly #answers = new Map<string, { until: number; answer: Promise<unknown> }>();
  /** `client` is asked about tokens, `rights` about rights: the same if absent. */
  constructor(client: Client, clock: Clock, { rights = client, callers }: { rights?: Client; callers?: CallerIdentity } = {}) {
    this.#client = client;
    this.#rights = rights;
    this.#callers = callers;
    this.#clock = clock;
  }

  /** Undefined: nobody who is known. Rejects when the API server cannot be asked. */
  async authenticate(request: IncomingMessage): Promise<UserInfo | undefined> {
    const known = this.#callers?.identify(request);
    if (known) return known;
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (!token) return undefined;
    return this.#once(`token ${createHash("sha256").update(token).digest("base64")}`, async () => {
      const { status } = await this.#client.resource<TokenReview>(tokenreviews).create("", { metadata: {}, spec: { token } });
      if (!status.authenticated || !status.user) return undefined;
      return { name: status.user.username ?? "", groups: status.user.groups ?? [], ...(status.user.uid ? { uid: status.user.uid } : {}) };
    });
  }

  /** Rejects when the API server cannot be asked. */
  allowed(user: UserInfo, method: string, path: string): Promise<boolean> {
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    return this.allows(user, { nonResourceAttributes: { verb, path } });
  }

  /** The same for anything that can be asked about. */
  allows(user: UserInfo, what: Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">): Promise<boolean> {
    return this.#once(JSON.stringify([user.name, user.groups, user.uid, user.extra, what]), async () => {
      const { name, groups, uid, extra } = user;
      const spec = { user: name, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}), ...what };
      const { status } = await this.#rights.resource<SubjectAccessReview>(subjectaccessreviews).create("", { metadata: {}, spec });
      return status.allowed;
    });
  }

  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    const known = this.#answers.get(key);
    if (known && known.until > now) return known.answer as Promise<T>;
    const answer = ask();
    this.#answers.delete(key);
    this.#answers.set(key, { until: now + remembered, answer });
    // A failure is asked again at once.
    answer.catch(() => this.#answers.delete(key));
    if (this.#answers.size > maxEntries) this.#answers.delete(this.#answers.keys().next().value as string);
    return answer;
  }
}
