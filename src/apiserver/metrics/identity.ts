/** Who asked and whether they might, counted (k8s.io/apiserver/pkg/endpoints/filters/metrics.go). */
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { AuthorizationDecision, Authorizer } from "../authorization/authorizer.ts";
import { settled } from "./settled.ts";

/** 1 ms and fourteen times the double. */
const buckets = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
const known = new Set(["admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"]);
/** There may be any number of users; these few names are told apart. */
const compressed = (name: string): string => (known.has(name) ? name : name.includes("@") ? "email_id" : "other");

interface Names {
  attempts: [name: string, help: string];
  duration: [name: string, help: string];
}

/** Counts an attempt by its result, and how long it took since `began`. */
function attemptsOf({ attempts, duration }: Names, metrics: Metrics, clock: Clock): (result: string, began: number) => void {
  const counter = metrics.counter(...attempts, ["result"]);
  const histogram = metrics.histogram(...duration, buckets, ["result"]);
  return (result, began) => {
    counter.inc(result);
    histogram.observe((clock.monotonic() - began) / 1000, result);
  };
}

export function countAuthentication(authenticator: Authenticator, metrics: Metrics, clock: Clock): Authenticator {
  const users = metrics.counter("authenticated_user_requests", "Counter of authenticated requests broken out by username.", ["username"]);
  const names: Names = {
    attempts: ["authentication_attempts", "Counter of authenticated attempts."],
    duration: ["authentication_duration_seconds", "Authentication duration in seconds broken out by result."],
  };
  const count = attemptsOf(names, metrics, clock);
  return {
    authenticate(request) {
      const began = clock.monotonic();
      return settled(
        () => authenticator.authenticate(request),
        (user) => {
          if (user) users.inc(compressed(user.name));
          count(user ? "success" : "failure", began);
        },
        () => count("error", began),
      );
    },
  };
}

const resultOf: Readonly<Record<AuthorizationDecision["decision"], string>> = { allow: "allowed", deny: "denied", "no-opinion": "no-opinion" };

export function countAuthorization(authorizer: Authorizer, metrics: Metrics, clock: Clock): Authorizer {
  const names: Names = {
    attempts: [
      "authorization_attempts_total",
      "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
    ],
    duration: ["authorization_duration_seconds", "Authorization duration in seconds broken out by result."],
  };
  const count = attemptsOf(names, metrics, clock);
  return {
    authorize(attributes) {
      const began = clock.monotonic();
      return settled(
        () => authorizer.authorize(attributes),
        ({ decision }) => count(resultOf[decision], began),
        () => count("error", began),
      );
    },
  };
}
