/** Who asks, as whom, and whether they may: authentication, impersonation, their turn and authorization, in upstream's order. */
import { aggregateText } from "../api/field.ts";
import type { ApiRequest, UserInfo } from "../api/exchange.ts";
import { unauthorized } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { Metrics } from "../base/metrics.ts";
import type { AuditRecord } from "./audit/auditor.ts";
import type { Authenticator } from "./authentication/authenticator.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "./authorization/authorizer.ts";
import { forbiddenError } from "./authorization/forbidden.ts";
import { addSelectors } from "./authorization/selectors.ts";
import { Undecided } from "./authorization/undecided.ts";
import type { Visit } from "./flowcontrol/visit.ts";
import { Impersonation, impersonates } from "./impersonation.ts";
import { type FilterSeries, filterSeries } from "./metrics/filters.ts";
import { countAuthorization } from "./metrics/identity.ts";
import { impersonationSeries } from "./metrics/impersonation.ts";
import type { RequestInfo } from "./request-info.ts";
import { enterStep } from "./tracing/request-trace.ts";

const selectsMany = new Set(["list", "watch", "deletecollection"]);

type Known = (user: UserInfo) => AuditRecord | undefined;

/** A request on its way in. */
interface Entry {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly known: Known | undefined;
  readonly visit: Visit | undefined;
  /** When its step began. */
  at: number;
  audit?: AuditRecord | undefined;
  /** Once it is known who asks. */
  attributes?: AuthorizationAttributes;
}
type Step = (entry: Entry) => Promise<void> | undefined;

export interface AccessOptions {
  authenticator: Authenticator;
  authorizer: Authorizer;
  metrics: Metrics;
  clock: Clock;
  /** Whether requests wait in queues for their turn. */
  queues: boolean;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #counted: ReturnType<typeof countAuthorization>;
  readonly #impersonation: Impersonation;
  readonly #filters: FilterSeries;

  constructor(options: AccessOptions) {
    const { authorizer, metrics, clock } = options;
    this.#options = options;
    this.#filters = filterSeries(metrics);
    this.#counted = countAuthorization(authorizer, metrics, clock);
    this.#impersonation = new Impersonation(authorizer, impersonationSeries(metrics), clock);
  }

  /**
   * Throws and rejects with StatusError, TooManyRequests and Undecided. `known` is told who asks before it is decided whether they may; in between
   * it is their turn at the gate.
   */
  identify(request: ApiRequest, info: RequestInfo, known?: Known, visit?: Visit): UserInfo | Promise<UserInfo> {
    return this.#pass({ request, info, known, visit, at: this.#options.clock.monotonic() }, 0);
  }

  /** From one step on; a promise only where one of them has to wait. */
  #pass(entry: Entry, from: number): UserInfo | Promise<UserInfo> {
    for (let i = from; i < this.#steps.length; i++) {
      const pending = this.#steps[i]?.(entry);
      if (pending) return pending.then(() => this.#pass(entry, i + 1));
    }
    return entry.attributes?.user as UserInfo;
  }
  readonly #steps: readonly Step[] = [
    (entry) => this.#authenticate(entry),
    (entry) => this.#impersonate(entry),
    (entry) => this.#takeTurn(entry),
    (entry) => this.#decide(entry),
    (entry) => this.#enter(entry),
  ];

  #authenticate(entry: Entry): Promise<void> | undefined {
    const { request } = entry;
    if (request.user) return this.#authenticated(entry, request.user);
    let found: UserInfo | undefined | Promise<UserInfo | undefined>;
    try {
      found = this.#options.authenticator.authenticate(request);
    } catch (error) {
      this.#passed(entry, this.#filters.authentication);
      throw error;
    }
    if (!(found instanceof Promise)) return this.#authenticated(entry, found);
    return found.then(
      (user) => this.#authenticated(entry, user),
      (error) => {
        this.#passed(entry, this.#filters.authentication);
        throw error;
      },
    );
  }
  #authenticated(entry: Entry, user: UserInfo | undefined): undefined {
    this.#passed(entry, this.#filters.authentication);
    if (!user) throw unauthorized();
    entry.audit = entry.known?.(user);
    this.#passed(entry, this.#filters.audit);
    const { verb, isResource, group, version, resource, subresource, namespace, name, path, byPath } = entry.info;
    const attributes: AuthorizationAttributes = { user, verb, isResource, group, version, resource, subresource, namespace, name, path };
    const { query } = entry.request;
    if (query.size && selectsMany.has(verb) && !byPath) addSelectors(attributes, query.get("fieldSelector"), query.get("labelSelector"));
    entry.attributes = attributes;
  }
  #impersonate(entry: Entry): Promise<void> | undefined {
    const { request, audit } = entry;
    const attributes = entry.attributes as AuthorizationAttributes;
    if (request.span) enterStep(request, request.span, "constrainedimpersonation");
    if (!impersonates(request.headers)) return undefined;
    return this.#impersonation.userOf(request, attributes).then((other) => {
      if (!other) return;
      attributes.user = other.user;
      audit?.impersonated(other.user, other.constraint);
    });
  }
  #takeTurn(entry: Entry): Promise<void> | undefined {
    const { request, attributes, visit } = entry;
    this.#passed(entry, this.#filters.impersonation);
    if (request.span && this.#options.queues) enterStep(request, request.span, "priorityandfairness");
    return visit?.enter(request, attributes?.user as UserInfo);
  }
  #enter(entry: Entry): undefined {
    this.#passed(entry, this.#filters.authorization);
    entry.request.span?.end();
  }

  /** A step that began when the one before was over is over. */
  #passed(entry: Entry, observe: (seconds: number) => void): void {
    const now = this.#options.clock.monotonic();
    observe((now - entry.at) / 1000);
    entry.at = now;
  }

  /** Of something that a request does beside what it asks for. Throws the 403. */
  async authorize(attributes: AuthorizationAttributes): Promise<void> {
    const { decision, reason, errors = [] } = await this.#options.authorizer.authorize(attributes);
    if (decision !== "allow") throw forbiddenError(attributes, errors.length ? [aggregateText(errors), ...(reason ? [reason] : [])].join(": ") : reason);
  }

  /** Throws the 403. */
  #decide(entry: Entry): Promise<void> | undefined {
    const { request } = entry;
    if (this.#options.queues) this.#passed(entry, this.#filters.turn);
    if (request.span) enterStep(request, request.span, "authorization");
    const decision = this.#counted.authorize(entry.attributes as AuthorizationAttributes, request);
    return decision instanceof Promise ? decision.then((late) => this.#decided(entry, late)) : this.#decided(entry, decision);
  }
  #decided({ request, audit, attributes }: Entry, { decision, reason, errors }: AuthorizationDecision): undefined {
    if (decision !== "allow" && errors) {
      audit?.annotate("authorization.k8s.io/reason", "internal error");
      throw new Undecided(request, errors);
    }
    audit?.annotate("authorization.k8s.io/decision", decision === "allow" ? "allow" : "forbid");
    audit?.annotate("authorization.k8s.io/reason", reason);
    if (decision !== "allow") throw forbiddenError(attributes as AuthorizationAttributes, reason);
  }
}
