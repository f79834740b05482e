/** What a JWT authenticator may say, and its expressions made ready (k8s.io/apiserver/pkg/apis/apiserver/validation). Messages are upstream's. */
import { type GoURL, parseURL, URLError } from "../../../api/cel/library/go-url.ts";
import { duplicate, type FieldError, internalFieldError, invalidNamed, invalidValue, path, type Path, required, tooMany } from "../../../api/field.ts";
import { isDomainPrefixedPath } from "../../../api/names.ts";
import { parseBundle } from "../../../api/x509/verifier.ts";
import type { AuthenticationConfiguration, ClaimValidationRule, Issuer, JwtConfiguration, PrefixedClaimOrExpression } from "./configuration.ts";
import { compileExpression, type Expression, selects, type Variable } from "./expressions.ts";

export interface Condition {
  expression: Expression;
  message: string;
}
/** The expressions of a JWT authenticator. */
export interface JwtRules {
  username?: Expression;
  groups?: Expression;
  uid?: Expression;
  extra: { key: string; expression: Expression }[];
  claims: Condition[];
  users: Condition[];
}

const maxAuthenticators = 64;

export function validateAuthenticationConfiguration({ jwt = [], anonymous }: AuthenticationConfiguration, disallowed: readonly string[]): FieldError[] {
  const root = path("jwt");
  if (jwt.length > maxAuthenticators) return [tooMany(root, jwt.length, maxAuthenticators)];
  const errors: FieldError[] = [];
  const issuers = new Set<string>();
  const discoveries = new Set<string>();
  for (const [i, one] of jwt.entries()) {
    const at = root.index(i);
    errors.push(...validateJwt(one, disallowed, at).errors);
    const { url = "", discoveryURL } = one.issuer ?? {};
    if (issuers.has(url)) errors.push(duplicate(at.child("issuer", "url"), url));
    issuers.add(url);
    if (!discoveryURL) continue;
    if (discoveries.has(discoveryURL)) errors.push(duplicate(at.child("issuer", "discoveryURL"), discoveryURL));
    discoveries.add(discoveryURL);
  }
  if (anonymous && !anonymous.enabled && anonymous.conditions?.length) {
    const shown = anonymous.conditions.map(({ path: text = "" }) => ({ Path: text }));
    errors.push(invalidValue(path("anonymous", "conditions"), shown, "enabled should be set to true when conditions are defined"));
  }
  return errors;
}

/** `disallowed`: issuers that somebody else is. */
export function validateJwt(jwt: JwtConfiguration, disallowed: readonly string[], at: Path): { rules: JwtRules; errors: FieldError[] } {
  const rules: JwtRules = { extra: [], claims: [], users: [] };
  const errors = [
    ...validateIssuer(jwt.issuer ?? {}, disallowed, at.child("issuer")),
    ...validateClaimRules(jwt.claimValidationRules ?? [], rules, at.child("claimValidationRules")),
    ...validateMappings(jwt.claimMappings ?? {}, rules, at.child("claimMappings")),
    ...validateUserRules(jwt.userValidationRules ?? [], rules, at.child("userValidationRules")),
  ];
  return { rules, errors };
}

function validateIssuer(issuer: Issuer, disallowed: readonly string[], at: Path): FieldError[] {
  const { url = "", discoveryURL = "", certificateAuthority = "", egressSelectorType = "" } = issuer;
  const errors = url ? validateURL(url, disallowed, at.child("url")) : [required(at.child("url"))];
  if (discoveryURL) {
    const bare = (text: string): string => text.replace(/\/+$/, "");
    if (url && bare(url) === bare(discoveryURL)) errors.push(invalidValue(at.child("discoveryURL"), discoveryURL, "discoveryURL must be different from URL"));
    errors.push(...validateURL(discoveryURL, [], at.child("discoveryURL")));
  }
  errors.push(...validateAudiences(issuer, at));
  if (certificateAuthority) {
    try {
      parseBundle(certificateAuthority);
    } catch (error) {
      errors.push(invalidValue(at.child("certificateAuthority"), "<omitted>", (error as Error).message));
    }
  }
  if (!["", "controlplane", "cluster"].includes(egressSelectorType))
    errors.push(invalidNamed(at.child("egressSelectorType"), egressSelectorType, "egress selector must be either controlplane or cluster"));
  return errors;
}

function validateURL(text: string, disallowed: readonly string[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const wrong = (detail: string): void => void errors.push(invalidValue(at, text, detail));
  if (disallowed.includes(text)) wrong(`URL must not overlap with disallowed issuers: [${[...new Set(disallowed)].sort().join(" ")}]`);
  let url: GoURL;
  try {
    url = parseURL(text);
  } catch (error) {
    if (!(error instanceof URLError)) throw error;
    wrong(error.message);
    return errors;
  }
  if (url.scheme !== "https") wrong("URL scheme must be https");
  if (url.user !== undefined) wrong("URL must not contain a username or password");
  if (url.rawQuery) wrong("URL must not contain a query");
  if (url.fragment) wrong("URL must not contain a fragment");
  return errors;
}

function validateAudiences({ audiences = [], audienceMatchPolicy: policy = "" }: Issuer, issuer: Path): FieldError[] {
  const at = issuer.child("audiences");
  if (!audiences.length) return [required(at, `at least one ${at} is required`)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, audience] of audiences.entries()) {
    if (!audience) errors.push(required(at.index(i)));
    if (seen.has(audience)) errors.push(duplicate(at.index(i), audience));
    seen.add(audience);
  }
  const wrong = (detail: string): void => void errors.push(invalidNamed(issuer.child("audienceMatchPolicy"), policy, detail));
  if (audiences.length > 1 && policy !== "MatchAny") wrong("audienceMatchPolicy must be MatchAny for multiple audiences");
  if (audiences.length === 1 && policy && policy !== "MatchAny") wrong("audienceMatchPolicy must be empty or MatchAny for single audience");
  return errors;
}

/** The expression, or what is wrong with it among the errors. */
function compiled(text: string, variable: Variable, condition: boolean, at: Path, errors: FieldError[]): Expression | undefined {
  const found = compileExpression(text, variable, condition);
  if (!("mistake" in found)) return found;
  errors.push(found.mistake === "internal" ? internalFieldError(at, found.detail) : invalidValue(at, text, found.detail));
  return undefined;
}

const bothSet = "claim and expression can't both be set";

function validateClaimRules(given: readonly ClaimValidationRule[], rules: JwtRules, list: Path): FieldError[] {
  const errors: FieldError[] = [];
  const claims = new Set<string>();
  const expressions = new Set<string>();
  for (const [i, { claim, expression, message = "", requiredValue }] of given.entries()) {
    const at = list.index(i);
    if (claim && expression) errors.push(invalidValue(at, claim, bothSet));
    else if (claim) {
      if (message) errors.push(invalidValue(at.child("message"), message, "may not be specified when claim is set"));
      if (claims.has(claim)) errors.push(duplicate(at.child("claim"), claim));
      claims.add(claim);
    } else if (expression) {
      if (requiredValue) errors.push(invalidValue(at.child("requiredValue"), requiredValue, "may not be specified when expression is set"));
      if (expressions.has(expression)) {
        errors.push(duplicate(at.child("expression"), expression));
        continue;
      }
      expressions.add(expression);
      const made = compiled(expression, "claims", true, at.child("expression"), errors);
      if (made) rules.claims.push({ expression: made, message });
    } else errors.push(required(at, "claim or expression is required"));
  }
  return errors;
}

function validateMapping({ claim, prefix, expression }: PrefixedClaimOrExpression, at: Path, needed: boolean, errors: FieldError[]): Expression | undefined {
  if (expression && claim) errors.push(invalidValue(at, "", bothSet));
  else if (expression) {
    const before = errors.length;
    if (prefix !== undefined) errors.push(invalidValue(at.child("prefix"), prefix, "may not be specified when expression is set"));
    const made = compiled(expression, "claims", false, at.child("expression"), errors);
    return errors.length > before ? undefined : made;
  } else if (claim) {
    if (prefix === undefined)
      errors.push(required(at.child("prefix"), "prefix is required when claim is set. It can be set to an empty string to disable prefixing"));
  } else if (needed) errors.push(required(at, "claim or expression is required"));
  return undefined;
}

const reservedDomain = /^([^/]*\.)?(kubernetes\.io|k8s\.io)\//;

function validateMappings({ username = {}, groups = {}, uid = {}, extra = [] }: NonNullable<JwtConfiguration["claimMappings"]>, rules: JwtRules, at: Path) {
  const errors: FieldError[] = [];
  const put = (name: "username" | "groups" | "uid", expression: Expression | undefined): void => {
    if (expression) rules[name] = expression;
  };
  put("username", validateMapping(username, at.child("username"), true, errors));
  put("groups", validateMapping(groups, at.child("groups"), false, errors));
  if (uid.claim && uid.expression) errors.push(invalidValue(at.child("uid"), "", bothSet));
  else if (uid.expression) put("uid", compiled(uid.expression, "claims", false, at.child("uid", "expression"), errors));
  const keys = new Set<string>();
  for (const [i, { key = "", valueExpression = "" }] of extra.entries()) {
    const here = at.child("extra").index(i);
    const wrong = (detail: string): void => void errors.push(invalidValue(here.child("key"), key, detail));
    errors.push(...isDomainPrefixedPath(here.child("key"), key));
    if (key !== key.toLowerCase()) wrong("must be lowercase");
    if (reservedDomain.test(key)) wrong("k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use");
    if (keys.has(key)) {
      errors.push(duplicate(here.child("key"), key));
      continue;
    }
    keys.add(key);
    if (!valueExpression) errors.push(required(here.child("valueExpression")));
    else {
      const expression = compiled(valueExpression, "claims", false, here.child("valueExpression"), errors);
      if (expression) rules.extra.push({ key, expression });
    }
  }
  const verifies = [rules.username, ...rules.extra.map(({ expression }) => expression), ...rules.claims.map(({ expression }) => expression)];
  if (rules.username && selects(rules.username.ast, "claims", "email") && !verifies.some((one) => one && selects(one.ast, "claims", "email_verified")))
    errors.push(
      invalidValue(
        at.child("username", "expression"),
        username.expression,
        "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression",
      ),
    );
  return errors;
}

function validateUserRules(given: NonNullable<JwtConfiguration["userValidationRules"]>, rules: JwtRules, list: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { expression = "", message = "" }] of given.entries()) {
    const at = list.index(i).child("expression");
    if (!expression) errors.push(required(at));
    else if (seen.has(expression)) errors.push(duplicate(at, expression));
    else {
      seen.add(expression);
      const made = compiled(expression, "user", true, at, errors);
      if (made) rules.users.push({ expression: made, message });
    }
  }
  return errors;
}
