/** Who asked and whether they might, counted (k8s.io/apiserver/pkg/endpoints/filters/metrics.go). */
import type { UserInfo } from "../../api/exchange.ts";
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { AuthorizationDecision, Authorizer } from "../authorization/authorizer.ts";

/** 1 ms and fourteen times the double. */
const buckets = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
const known = new Set(["admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"]);
/** There may be any number of users; these few names are told apart. */
const compressed = (name: string): string => (known.has(name) ? name : name.includes("@") ? "email_id" : "other");

export function countAuthentication(authenticator: Authenticator, metrics: Metrics, clock: Clock): Authenticator {
  const users = metrics.counter("authenticated_user_requests", "Counter of authenticated requests broken out by username.", ["username"]);
  const attempts = metrics.counter("authentication_attempts", "Counter of authenticated attempts.", ["result"]);
  const duration = metrics.histogram("authentication_duration_seconds", "Authentication duration in seconds broken out by result.", buckets, ["result"]);
  const count = (result: string, began: number): void => {
    attempts.inc(result);
    duration.observe((clock.monotonic() - began) / 1000, result);
  };
  const done = (user: UserInfo | undefined, began: number): UserInfo | undefined => {
    if (user) users.inc(compressed(user.name));
    count(user ? "success" : "failure", began);
    return user;
  };
  return {
    authenticate(request) {
      const began = clock.monotonic();
      try {
        const found = authenticator.authenticate(request);
        if (!(found instanceof Promise)) return done(found, began);
        return found.then(
          (user) => done(user, began),
          (error: unknown) => {
            count("error", began);
            throw error;
          },
        );
      } catch (error) {
        count("error", began);
        throw error;
      }
    },
  };
}

const resultOf: Readonly<Record<AuthorizationDecision["decision"], string>> = { allow: "allowed", deny: "denied", "no-opinion": "no-opinion" };

export function countAuthorization(authorizer: Authorizer, metrics: Metrics, clock: Clock): Authorizer {
  const attempts = metrics.counter(
    "authorization_attempts_total",
    "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
    ["result"],
  );
  const duration = metrics.histogram("authorization_duration_seconds", "Authorization duration in seconds broken out by result.", buckets, ["result"]);
  const count = (result: string, began: number): void => {
    attempts.inc(result);
    duration.observe((clock.monotonic() - began) / 1000, result);
  };
  const done = (decided: AuthorizationDecision, began: number): AuthorizationDecision => {
    count(resultOf[decided.decision], began);
    return decided;
  };
  return {
    authorize(attributes) {
      const began = clock.monotonic();
      try {
        const decided = authorizer.authorize(attributes);
        if (!(decided instanceof Promise)) return done(decided, began);
        return decided.then(
          (decision) => done(decision, began),
          (error: unknown) => {
            count("error", began);
            throw error;
          },
        );
      } catch (error) {
        count("error", began);
        throw error;
      }
    },
  };
}
