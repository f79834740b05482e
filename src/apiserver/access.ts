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
   * Throws StatusError, TooManyRequests and Undecided. `known` is told who asks before it is decided whether they may; in between
   * it is their turn at the gate.
   */
  async identify(request: ApiRequest, info: RequestInfo, known?: (user: UserInfo) => AuditRecord | undefined, visit?: Visit): Promise<UserInfo> {
    const filters = this.#filters;
    let at = this.#options.clock.monotonic();
    let user = request.user;
    try {
      const found = user ?? this.#options.authenticator.authenticate(request);
      user = found instanceof Promise ? await found : found;
    } finally {
      at = this.#passed(filters.authentication, at);
    }
    if (!user) throw unauthorized();
    const audit = known?.(user);
    at = this.#passed(filters.audit, at);
    const { verb, isResource, group, version, resource, subresource, namespace, name, path } = info;
    const attributes: AuthorizationAttributes = { user, verb, isResource, group, version, resource, subresource, namespace, name, path };
    if (request.query.size && selectsMany.has(verb) && !info.byPath)
      addSelectors(attributes, request.query.get("fieldSelector"), request.query.get("labelSelector"));
    if (request.span) enterStep(request, request.span, "constrainedimpersonation");
    if (impersonates(request.headers)) {
      const other = await this.#impersonation.userOf(request, attributes);
      if (other) {
        attributes.user = user = other.user;
        audit?.impersonated(other.user, other.constraint);
      }
    }
    at = this.#passed(filters.impersonation, at);
    if (request.span && this.#options.queues) enterStep(request, request.span, "priorityandfairness");
    const turn = visit?.enter(request, user);
    if (turn) await turn;
    if (this.#options.queues) at = this.#passed(filters.turn, at);
    if (request.span) enterStep(request, request.span, "authorization");
    const allowed = this.#decide(attributes, request, audit);
    if (allowed) await allowed;
    this.#passed(filters.authorization, at);
    request.span?.end();
    return user;
  }

  /** A step that began then is over; gives the time. */
  #passed(observe: (seconds: number) => void, began: number): number {
    const now = this.#options.clock.monotonic();
    observe((now - began) / 1000);
    return now;
  }

  /** Of something that a request does beside what it asks for. Throws the 403. */
  async authorize(attributes: AuthorizationAttributes): Promise<void> {
    const { decision, reason, errors = [] } = await this.#options.authorizer.authorize(attributes);
    if (decision !== "allow") throw forbiddenError(attributes, errors.length ? [aggregateText(errors), ...(reason ? [reason] : [])].join(": ") : reason);
  }

  /** Throws the 403; a promise only where the authorizer needs one. */
  #decide(attributes: AuthorizationAttributes, request: ApiRequest, audit?: AuditRecord): Promise<void> | undefined {
    const check = ({ decision, reason, errors }: AuthorizationDecision): void => {
      if (decision !== "allow" && errors) {
        audit?.annotate("authorization.k8s.io/reason", "internal error");
        throw new Undecided(request, errors);
      }
      audit?.annotate("authorization.k8s.io/decision", decision === "allow" ? "allow" : "forbid");
      audit?.annotate("authorization.k8s.io/reason", reason);
      if (decision !== "allow") throw forbiddenError(attributes, reason);
    };
    const pending = this.#counted.authorize(attributes, request);
    if (pending instanceof Promise) return pending.then(check);
    check(pending);
    return undefined;
  }
}
