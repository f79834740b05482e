/**
 * Who asked and whether they might, counted (k8s.io/apiserver/pkg/endpoints/filters/metrics.go, authentication/request/x509,
 * authentication/token/cache/stats.go, authorization/metrics).
 */
import type { Clock } from "../../base/clock.ts";
import type { Metrics, Sample } from "../../base/metrics.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { TokenUse } from "../authentication/service-account-token.ts";
import type { TokenCacheObserver } from "../authentication/token-cache.ts";
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
  const bound = new Map<string, { count: Sample; observe(seconds: number): void }>();
  return (result, began) => {
    let series = bound.get(result);
    if (!series) {
      series = { count: counter.with(result), observe: histogram.series(result) };
      bound.set(result, series);
    }
    series.count.value++;
    series.observe((clock.monotonic() - began) / 1000);
  };
}

export function countAuthentication(authenticator: Authenticator, metrics: Metrics, clock: Clock): Authenticator {
  const users = metrics.counter("authenticated_user_requests", "Counter of authenticated requests broken out by username.", ["username"]);
  const names: Names = {
    attempts: ["authentication_attempts", "Counter of authenticated attempts."],
    duration: ["authentication_duration_seconds", "Authentication duration in seconds broken out by result."],
  };
  const count = attemptsOf(names, metrics, clock);
  const byName = new Map<string, Sample>();
  const used = (name: string): void => {
    let sample = byName.get(name);
    if (!sample) {
      sample = users.with(name);
      byName.set(name, sample);
    }
    sample.value++;
  };
  return {
    authenticate(request) {
      const began = clock.monotonic();
      return settled(
        () => authenticator.authenticate(request),
        (user) => {
          if (user) used(compressed(user.name));
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
    authorize(attributes, asking) {
      const began = clock.monotonic();
      return settled(
        () => authorizer.authorize(attributes, asking),
        ({ decision, errors }) => count(errors && decision !== "allow" ? "error" : resultOf[decision], began),
        () => count("error", began),
      );
    },
  };
}

/** How long client certificates still last when they are used: 0, half an hour to a year. */
export function certificateLifetimes(metrics: Metrics): (seconds: number) => void {
  const hour = 3600;
  const day = 24 * hour;
  const bounds = [0, hour / 2, hour, 2 * hour, 6 * hour, 12 * hour, day, 2 * day, 4 * day, 7 * day, 30 * day, 90 * day, 180 * day, 360 * day];
  return metrics
    .histogram(
      "apiserver_client_certificate_expiration_seconds",
      "Distribution of the remaining lifetime on the certificate used to authenticate a request.",
      bounds,
    )
    .series();
}

export function tokenCacheSeries(metrics: Metrics): TokenCacheObserver {
  const name = (rest: string): string => `authentication_token_cache_${rest}`;
  const requests = metrics.counter(name("request_total"), "", ["status"]);
  const seconds = metrics.histogram(name("request_duration_seconds"), "", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], ["status"]);
  const fetches = metrics.counter(name("fetch_total"), "", ["status"]);
  const active = metrics.gauge(name("active_fetch_count"), "", ["status"]);
  const [inFlight, blocked] = [active.with("in_flight"), active.with("blocked")];
  const looked = (status: string): ((took: number) => void) => {
    const [count, observe] = [requests.with(status), seconds.series(status)];
    return (took) => {
      count.value++;
      observe(took);
    };
  };
  const [ok, failed] = [fetches.with("ok"), fetches.with("error")];
  return {
    hit: looked("hit"),
    miss: looked("miss"),
    fetching() {
      inFlight.value++;
      return (well) => {
        inFlight.value--;
        (well ? ok : failed).value++;
      };
    },
    blocking() {
      blocked.value++;
      return () => void blocked.value--;
    },
  };
}

/** Uses of service accounts' tokens (k8s.io/kubernetes/pkg/serviceaccount/metrics.go). */
export function tokenUses(metrics: Metrics): (use: TokenUse) => void {
  const count = (name: string, help: string): Sample => metrics.counter(`serviceaccount_${name}_total`, `Cumulative ${help} used`).with();
  const samples: Record<TokenUse, Sample> = {
    valid: count("valid_tokens", "valid projected service account tokens"),
    stale: count("stale_tokens", "stale projected service account tokens"),
    legacy: count("legacy_tokens", "legacy service account tokens"),
    "legacy-auto": count("legacy_auto_token_uses", "auto-generated legacy tokens"),
    "legacy-manual": count("legacy_manual_token_uses", "manually created legacy tokens"),
    "legacy-invalid": count("invalid_legacy_auto_token_uses", "invalid auto-generated legacy tokens"),
  };
  return (use) => void samples[use].value++;
}

/** Counts the decisions that end the question. */
export function countDecisions(metrics: Metrics): (authorizer: Authorizer, type: string, name: string) => Authorizer {
  const total = metrics.counter(
    "apiserver_authorization_decisions_total",
    "Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.",
    ["type", "name", "decision"],
  );
  return (authorizer, type, name) => {
    const seen = new Map<string, Sample>();
    const count = ({ decision }: AuthorizationDecision): void => {
      if (decision === "no-opinion") return;
      const sample = seen.get(decision) ?? total.with(type, name, resultOf[decision]);
      seen.set(decision, sample);
      sample.value++;
    };
    return {
      authorize(attributes, asking) {
        const decision = authorizer.authorize(attributes, asking);
        if (!(decision instanceof Promise)) count(decision);
        else decision.then(count, () => undefined);
        return decision;
      },
    };
  };
}
