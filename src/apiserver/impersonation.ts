/**
 * Acting as somebody else (k8s.io/apiserver/pkg/endpoints/filters/impersonation): constrained to a kind of user and to the
 * verb of the request (KEP-5284), or as it has always been.
 */
import type { ApiRequest, UserInfo } from "../api/exchange.ts";
import { aggregateText, path } from "../api/field.ts";
import { goQuote, goQuoteList } from "../api/go-quote.ts";
import { isDNS1123Label, isDNS1123Subdomain, isDomainPrefixedPath } from "../api/names.ts";
import { badRequest } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import type { Asking, AuthorizationAttributes, Authorizer } from "./authorization/authorizer.ts";
import { forbiddenError } from "./authorization/forbidden.ts";
import type { ImpersonationMode as Mode, ImpersonationSeries } from "./metrics/impersonation.ts";

/** Whether a request says anything of it: few do. */
export function impersonates(headers: ApiRequest["headers"]): boolean {
  for (const name in headers) if (name.startsWith("impersonate-")) return true;
  return false;
}

const extraPrefix = "impersonate-extra-";

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** As Go shows the user that was asked for. */
function goUser({ name, uid, groups, extra }: UserInfo): string {
  const keys = Object.keys(extra ?? {}).sort();
  const map = keys.map((key) => `${goQuote(key)}:${goQuoteList(extra?.[key] ?? [])}`).join(", ");
  const shown = keys.length ? `map[string][]string{${map}}` : "map[string][]string(nil)";
  return `&user.DefaultInfo{Name:${goQuote(name)}, UID:${goQuote(uid ?? "")}, Groups:${goQuoteList(groups)}, Extra:${shown}}`;
}

/** Throws 400 for parts of a user without a name; undefined where nobody is named at all. */
function wantedUser(request: ApiRequest): UserInfo | undefined {
  const wanted: UserInfo = { name: request.headers["impersonate-user"] ?? "", groups: valuesOf(request, "impersonate-group") };
  const uid = request.headers["impersonate-uid"];
  if (uid) wanted.uid = uid;
  for (const header of Object.keys(request.headers).filter((name) => name.startsWith(extraPrefix)))
    wanted.extra = { ...wanted.extra, [unescaped(header.slice(extraPrefix.length))]: valuesOf(request, header) };
  if (wanted.name) return wanted;
  if (wanted.uid || wanted.groups.length || wanted.extra) throw badRequest(`requested ${goUser(wanted)} without impersonating a user name`);
  return undefined;
}

/** A header that came once is one value, whatever is in it. */
function valuesOf(request: ApiRequest, header: string): string[] {
  const single = request.headers[header];
  return request.repeatedHeaders?.[header] ?? (single === undefined ? [] : [single]);
}

function accountOf(name: string): { namespace: string; name: string } | undefined {
  const parts = name.split(":");
  if (parts.length !== 4 || !name.startsWith("system:serviceaccount:")) return undefined;
  const [, , namespace = "", account = ""] = parts;
  return isDNS1123Label(namespace).length || isDNS1123Subdomain(account).length ? undefined : { namespace, name: account };
}

function nodeOf(name: string): string | undefined {
  const prefix = "system:node:";
  if (!name.startsWith(prefix)) return undefined;
  const node = name.slice(prefix.length);
  return isDNS1123Subdomain(node).length ? undefined : node;
}

const onlyName = ({ uid, groups, extra }: UserInfo): boolean => !uid && groups.length === 0 && !extra;

/** Ways of being somebody else, in the order in which they are tried. */
const modes: readonly Mode[] = ["associated-node", "arbitrary-node", "serviceaccount", "user-info", "legacy"];

const nodeNameKey = "authentication.kubernetes.io/node-name";

function applies(mode: Mode, wanted: UserInfo, requestor: UserInfo): boolean {
  const node = nodeOf(wanted.name);
  switch (mode) {
    case "associated-node": {
      const own = requestor.extra?.[nodeNameKey];
      return onlyName(wanted) && node !== undefined && accountOf(requestor.name) !== undefined && own?.length === 1 && own[0] === node;
    }
    case "arbitrary-node":
      return onlyName(wanted) && node !== undefined;
    case "serviceaccount":
      return onlyName(wanted) && accountOf(wanted.name) !== undefined;
    case "user-info":
      return node === undefined && accountOf(wanted.name) === undefined;
    case "legacy":
      return true;
  }
}

/** Why constrained impersonation takes no such extra values. */
function misfit(extra: Record<string, string[]>): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === "") return "impersonating the empty string key in extra is not allowed";
    const [error] = isDomainPrefixedPath(path("extra", "key"), key);
    if (error) return `impersonating an invalid key in extra is not allowed: ${error.field}: ${error.body}`;
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${goQuote(key)}`;
    if (values.includes("")) return "impersonating the empty string value in extra is not allowed";
  }
  return undefined;
}

/** From so many values on, constrained impersonation asks for all of them first. */
const many = 4;
const maxRemembered = 10_000;

export interface Impersonated {
  user: UserInfo;
  /** The verb that allowed it; "" for the right to impersonate at all. */
  constraint: string;
}

/** One attempt in one way: throws the 403 of what the caller may not do. */
type Authorize = (attributes: AuthorizationAttributes) => Promise<void>;

export class Impersonation {
  readonly #authorizer: Authorizer;
  readonly #series: ImpersonationSeries;
  readonly #clock: Clock;
  /** The mode that last served a caller is tried first, and its refusal is the one that is given. */
  readonly #last = new Map<string, Mode>();

  constructor(authorizer: Authorizer, series: ImpersonationSeries, clock: Clock) {
    this.#authorizer = authorizer;
    this.#series = series;
    this.#clock = clock;
  }

  /** Whom the request is made as, undefined where it names nobody. Throws 400 and 403. `attributes` are the request's own. */
  async userOf(request: ApiRequest, attributes: AuthorizationAttributes): Promise<Impersonated | undefined> {
    const wanted = wantedUser(request);
    if (!wanted) return undefined;
    const caller = attributes.user.name;
    const began = this.#clock.monotonic();
    const attempted = (mode?: Mode): void => this.#series.attempted(mode, (this.#clock.monotonic() - began) / 1000);
    const first = this.#last.get(caller);
    let refusal: unknown;
    for (const mode of first ? [first, ...modes.filter((one) => one !== first)] : modes) {
      if (!applies(mode, wanted, attributes.user)) continue;
      try {
        const user = await this.#as(mode, wanted, attributes, (question) => this.#authorize(mode, question, request));
        if (this.#last.size >= maxRemembered) this.#last.clear();
        this.#last.set(caller, mode);
        attempted(mode);
        return { user, constraint: mode === "legacy" ? "" : `impersonate:${mode}` };
      } catch (error) {
        refusal ??= error;
      }
    }
    attempted();
    throw refusal;
  }

  async #authorize(mode: Mode, attributes: AuthorizationAttributes, asking: Asking): Promise<void> {
    const began = this.#clock.monotonic();
    const { decision, reason, errors } = await this.#authorizer.authorize(attributes, asking);
    this.#series.asked(mode, decision === "allow", (this.#clock.monotonic() - began) / 1000);
    if (decision !== "allow") throw forbiddenError(attributes, [...(errors ? [aggregateText(errors)] : []), ...(reason ? [reason] : [])].join(": "));
  }

  async #as(mode: Mode, wanted: UserInfo, attributes: AuthorizationAttributes, authorize: Authorize): Promise<UserInfo> {
    const constrained = mode !== "legacy";
    const user = mode === "associated-node" ? withKeysAlone(attributes.user) : attributes.user;
    if (constrained) await authorize({ ...attributes, user, verb: `impersonate-on:${mode}:${attributes.verb}` });
    const of = (group: string, resource: string, name: string, more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
      user,
      verb: constrained ? `impersonate:${mode}` : "impersonate",
      isResource: true,
      group,
      version: "v1",
      resource,
      subresource: "",
      namespace: "",
      name,
      path: "",
      ...more,
    });
    const group = constrained ? "authentication.k8s.io" : "";
    const as: UserInfo = { ...wanted };
    const account = accountOf(wanted.name);
    const node = constrained ? nodeOf(wanted.name) : undefined;
    if (account) {
      if (!wanted.groups.length) as.groups = ["system:serviceaccounts", `system:serviceaccounts:${account.namespace}`];
      await authorize(of(group, "serviceaccounts", account.name, { namespace: account.namespace }));
    } else if (node !== undefined) {
      as.groups = ["system:nodes"];
      await authorize(of(group, "nodes", mode === "associated-node" ? "*" : node));
    } else await authorize(of(group, "users", wanted.name));
    if (wanted.uid) await authorize(of("authentication.k8s.io", "uids", wanted.uid));
    await groups(of(group, "groups", ""), wanted.groups, constrained, authorize);
    await extras(of("authentication.k8s.io", "userextras", ""), wanted.extra ?? {}, constrained, authorize);
    const mark = wanted.name === "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
    if (!as.groups.includes("system:unauthenticated") && !as.groups.includes(mark)) as.groups = [...as.groups, mark];
    return as;
  }
}

async function groups(attributes: AuthorizationAttributes, names: readonly string[], constrained: boolean, authorize: Authorize): Promise<void> {
  if (constrained && names.includes("")) throw forbiddenError(attributes, "impersonating the empty string group is not allowed");
  if (constrained && names.includes("system:masters"))
    throw forbiddenError({ ...attributes, name: "system:masters" }, "impersonating the system:masters group is not allowed");
  if (constrained && names.length >= many && (await allows(authorize, { ...attributes, name: "*" }))) return;
  for (const name of names) await authorize({ ...attributes, name });
}

async function extras(attributes: AuthorizationAttributes, extra: Record<string, string[]>, constrained: boolean, authorize: Authorize): Promise<void> {
  const pairs = Object.entries(extra).flatMap(([subresource, values]) => values.map((name) => ({ subresource, name })));
  if (constrained) {
    const why = misfit(extra);
    if (why) throw forbiddenError(attributes, why);
    const large = pairs.length >= many || Object.keys(extra).length >= many;
    if (large && (await allows(authorize, { ...attributes, subresource: "*", name: "*" }))) return;
  }
  for (const pair of pairs) await authorize({ ...attributes, ...pair });
}

const allows = (authorize: Authorize, attributes: AuthorizationAttributes): Promise<boolean> =>
  authorize(attributes).then(
    () => true,
    () => false,
  );

/** A caller that is known to run on the node: for what else is known of it, by name alone. */
const withKeysAlone = (user: UserInfo): UserInfo => ({
  ...user,
  extra: { "authentication.kubernetes.io/associated-node-keys": Object.keys(user.extra ?? {}).sort() },
});
