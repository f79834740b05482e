/** Audit events (audit.k8s.io/v1 Event): who asked what and when, and what the answer was (k8s.io/apiserver/pkg/audit). */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import type { Status } from "../../api/types/meta-v1.gen.ts";
import type { UserInfo as UserStatus } from "../../api/types/authentication-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { targetOf } from "../request-info.ts";
import type { OutgoingSeries } from "../outside/post.ts";
import type { AuditDecision, AuditedRequest, AuditLevel, AuditPolicy, AuditStage } from "./policy.ts";

export interface AuditEvent {
  kind: "Event";
  apiVersion: "audit.k8s.io/v1";
  level: AuditLevel;
  auditID: string;
  stage: AuditStage;
  requestURI: string;
  verb: string;
  user: UserStatus;
  impersonatedUser?: UserStatus;
  /** The verb of constrained impersonation that made it possible. */
  authenticationMetadata?: { impersonationConstraint: string };
  sourceIPs?: string[];
  userAgent?: string;
  objectRef?: Record<string, string>;
  responseStatus?: Partial<Status>;
  requestObject?: object;
  responseObject?: object;
  requestReceivedTimestamp: string;
  stageTimestamp: string;
  annotations?: Record<string, string>;
}

export interface AuditSink {
  /** Takes the event, which is not changed any more. Throws when it cannot be kept. */
  write(event: AuditEvent): void;
  /** Returns once what was taken is out of this process. Called before answers leave; without it events leave at the end of the turn. */
  flush?(): void;
  /** Counts from now on what it asks servers outside. */
  measured?(outgoing: OutgoingSeries): void;
}

/** What the pipeline knows of a request once it is parsed. */
export type AuditInfo = AuditedRequest & { version: string };

/** Told of what the audit does. */
export interface AuditObserver {
  /** Once for each request. */
  level(level: AuditLevel): void;
  event(): void;
  /** The sink failed, and with it the request. */
  rejected(): void;
}

export interface AuditorOptions {
  policy: AuditPolicy;
  sink: AuditSink;
  clock: Clock;
  random: Random;
}

const longestAgent = 1024;
const truncated = "...TRUNCATED";

const statuses = new WeakMap<UserInfo, UserStatus>();
/** One object for each user object: authenticators give the same one again and again. */
function userStatus(user: UserInfo): UserStatus {
  let status = statuses.get(user);
  if (status) return status;
  status = {
    ...(user.name ? { username: user.name } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
    ...(user.groups.length ? { groups: user.groups } : {}),
    ...(user.extra && Object.keys(user.extra).length ? { extra: user.extra } : {}),
  };
  statuses.set(user, status);
  return status;
}

let last = Number.NaN;
let lastText = "";
let second = Number.NaN;
let secondText = "";

/** MicroTime: six digits. The texts of a second and of a millisecond are made once. */
function microTime(ms: number): string {
  if (ms === last) return lastText;
  const whole = Math.floor(ms / 1000);
  if (whole !== second) {
    second = whole;
    secondText = new Date(whole * 1000).toISOString().slice(0, 19);
  }
  last = ms;
  lastText = `${secondText}.${String(Math.floor(ms - whole * 1000)).padStart(3, "0")}000Z`;
  return lastText;
}

const rememberedAddresses = 4096;
const alone = new Map<string, string[]>();
/** The list of one address, made once. */
function listOf(address: string): string[] {
  let list = alone.get(address);
  if (!list) {
    list = address ? [address] : [];
    if (alone.size >= rememberedAddresses) alone.clear();
    alone.set(address, list);
  }
  return list;
}

/** The request's own forwarding headers first, then the address it came from. */
function sourceIPs({ headers, remoteAddress }: ApiRequest): string[] {
  if (headers["x-forwarded-for"] === undefined && headers["x-real-ip"] === undefined) return listOf(remoteAddress);
  const forwarded = (headers["x-forwarded-for"] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  const all = forwarded.length ? forwarded : [headers["x-real-ip"] ?? ""].filter(Boolean);
  if (remoteAddress && all.at(-1) !== remoteAddress) all.push(remoteAddress);
  return all;
}

export class Auditor {
  readonly #options: AuditorOptions;
  /** Shared with the records of the requests. */
  readonly #watched: { observer?: AuditObserver } = {};
  constructor(options: AuditorOptions) {
    this.#options = options;
  }
  /** `outgoing`: of what leaves for servers outside. */
  observe(observer: AuditObserver, outgoing?: OutgoingSeries): void {
    this.#watched.observer = observer;
    if (outgoing) this.#options.sink.measured?.(outgoing);
  }
  /** Returns once all events so far are out of this process. */
  flush(): void {
    this.#options.sink.flush?.();
  }
  /** Undefined when the policy leaves the request out. Throws when the sink fails: then the request must not go on. */
  begin(request: ApiRequest, info: AuditInfo, user: UserInfo): AuditRecord | undefined {
    const { policy, clock, random } = this.#options;
    const decision = policy.decide(info, user);
    this.#watched.observer?.level(decision.level);
    if (decision.level === "None") return undefined;
    const agent = request.headers["user-agent"];
    const given = request.headers["audit-id"];
    const ips = sourceIPs(request);
    const { resource, namespace, name, group, version, subresource } = info;
    const reference: Record<string, string> = {};
    if (resource) reference.resource = resource;
    if (namespace) reference.namespace = namespace;
    if (name) reference.name = name;
    if (group) reference.apiGroup = group;
    if (version) reference.apiVersion = version;
    if (subresource) reference.subresource = subresource;
    const event: AuditEvent = {
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: decision.level,
      auditID: given ? given.slice(0, 64) : random.uuid(),
      stage: "RequestReceived",
      requestURI: targetOf(request),
      verb: info.verb,
      user: userStatus(user),
      requestReceivedTimestamp: microTime(clock.now()),
      stageTimestamp: "",
    };
    if (ips.length) event.sourceIPs = ips;
    if (agent) event.userAgent = agent.length > longestAgent ? agent.slice(0, longestAgent) + truncated : agent;
    if (info.isResource) event.objectRef = reference;
    const record = new AuditRecord(event, decision, this.#options, this.#watched);
    record.stage("RequestReceived");
    request.annotate = (key, value) => record.annotate(key, value);
    return record;
  }
}

/** The audit of one request; the pipeline tells it what happens. */
export class AuditRecord {
  readonly #event: AuditEvent;
  readonly #decision: AuditDecision;
  readonly #options: AuditorOptions;
  readonly #watched: { readonly observer?: AuditObserver };
  /** The last event is the sink's. */
  #over = false;

  constructor(event: AuditEvent, decision: AuditDecision, options: AuditorOptions, watched: { readonly observer?: AuditObserver }) {
    this.#watched = watched;
    this.#event = event;
    this.#decision = decision;
    this.#options = options;
  }
  get auditID(): string {
    return this.#event.auditID;
  }
  /** Whether bodies are wanted at all: then the pipeline hands them over. */
  get wantsRequest(): boolean {
    return this.#event.level === "Request" || this.#event.level === "RequestResponse";
  }
  get wantsResponse(): boolean {
    return this.#event.level === "RequestResponse";
  }
  impersonated(user: UserInfo, constraint: string): void {
    this.#event.impersonatedUser = userStatus(user);
    if (constraint) this.#event.authenticationMetadata = { impersonationConstraint: constraint };
  }
  /** The first value of a key stays. */
  annotate(key: string, value: string): void {
    if (this.#over) return;
    this.#event.annotations ??= {};
    this.#event.annotations[key] ??= value;
  }
  /** The decoded body, in the version that was asked for. */
  requestObject(object: object): void {
    if (this.#over) return;
    const { metadata } = object as { metadata?: Record<string, unknown> };
    const reference = this.#event.objectRef;
    for (const field of reference ? ["namespace", "name", "uid", "resourceVersion"] : []) {
      const value = metadata?.[field];
      if (reference && typeof value === "string" && value) reference[field] ??= value;
    }
    if (this.wantsRequest) this.#event.requestObject = this.#trimmed(object);
  }
  responseObject(object: object): void {
    if (this.wantsResponse && !this.#over) this.#event.responseObject = this.#trimmed(object);
  }
  /** The headers of a long answer (a watch, a log, an upgrade) have been sent. */
  started(code: number): void {
    this.#event.responseStatus = { metadata: {}, code };
    this.stage("ResponseStarted");
  }
  /** The answer is complete; `failure` is the Status of one that was refused. */
  end(code: number, failure?: Partial<Status>): void {
    if (this.#over) return;
    if (failure) {
      const { status, message, reason, details } = failure;
      const text = { ...(status ? { status } : {}), ...(message ? { message } : {}), ...(reason ? { reason } : {}), ...(details ? { details } : {}) };
      this.#event.responseStatus = { metadata: {}, ...text, code };
    } else this.#event.responseStatus = { metadata: {}, code };
    this.stage("ResponseComplete");
  }
  /** The server itself failed while it answered: nothing follows, also where the policy leaves this stage out. */
  panic(message: string): void {
    this.#event.responseStatus = { metadata: {}, status: "Failure", message: `APIServer panic'd: ${message}`, reason: "InternalError", code: 500 };
    this.stage("Panic");
    this.#over = true;
  }
  /** Hands the event to the sink unless the policy leaves this stage out. */
  stage(stage: AuditStage): void {
    if (this.#decision.omitStages.has(stage) || this.#over) return;
    const { observer } = this.#watched;
    const stageTimestamp = microTime(this.#options.clock.now());
    this.#over = stage === "ResponseComplete" || stage === "Panic";
    try {
      this.#options.sink.write(this.#over ? Object.assign(this.#event, { stage, stageTimestamp }) : { ...this.#event, stage, stageTimestamp });
    } catch (error) {
      observer?.rejected();
      throw error;
    }
    observer?.event();
  }
  #trimmed(object: object): object {
    if (!this.#decision.omitManagedFields) return object;
    const { metadata, items } = object as { metadata?: { managedFields?: unknown }; items?: object[] };
    if (items) return { ...object, items: items.map((item) => this.#trimmed(item)) };
    if (!metadata?.managedFields) return object;
    const { managedFields: _, ...rest } = metadata;
    return { ...object, metadata: rest };
  }
}
