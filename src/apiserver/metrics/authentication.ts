/**
 * What JSON Web Tokens and their configuration count (k8s.io/apiserver/plugin/pkg/authenticator/token/oidc/metrics.go).
 */
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { AuthenticationSeries } from "../authentication/jwt/jwt-authentication.ts";
import { hashOf } from "../encryption/metrics.ts";
import { reloadSeries } from "./reloads.ts";

/** `serverID` tells servers apart. */
export function authenticationSeries(metrics: Metrics, clock: Clock, serverID: string): AuthenticationSeries {
  const server = hashOf(serverID);
  const now = (): number => clock.now() / 1000;
  const jwt = (name: string): string => `apiserver_authentication_jwt_authenticator_${name}`;
  const latencies = metrics.histogram(
    jwt("latency_seconds"),
    "Latency of jwt authentication operations in seconds. This is the time spent authenticating a token for cache miss only (i.e. when the token is not found in the cache).",
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ["result", "jwt_issuer_hash"],
  );
  const lastFetch = metrics.gauge(
    jwt("jwks_fetch_last_timestamp_seconds"),
    "Timestamp of the last successful or failed JWKS fetch split by result, api server identity and jwt issuer for the JWT authenticator.",
    ["result", "jwt_issuer_hash", "apiserver_id_hash"],
  );
  const keySets = metrics.gauge(
    jwt("jwks_fetch_last_key_set_info"),
    "Information about the last JWKS fetched by the JWT authenticator with hash as label, split by api server identity and jwt issuer.",
    ["jwt_issuer_hash", "apiserver_id_hash", "hash"],
  );
  const shown = new Map<string, string>();
  const forgetKeys = (issuer: string): void => {
    const hash = shown.get(issuer);
    if (hash !== undefined) keySets.delete(hashOf(issuer), server, hash);
    shown.delete(issuer);
  };
  return {
    judged: (issuer, ok, seconds) => latencies.observe(seconds, ok ? "success" : "failure", hashOf(issuer)),
    keysFetched(issuer, text) {
      lastFetch.set(now(), text === undefined ? "failure" : "success", hashOf(issuer), server);
      if (text === undefined) return;
      forgetKeys(issuer);
      shown.set(issuer, hashOf(text));
      keySets.set(1, hashOf(issuer), server, hashOf(text));
    },
    forget(issuer) {
      forgetKeys(issuer);
      for (const result of ["success", "failure"]) lastFetch.delete(result, hashOf(issuer), server);
    },
    ...reloadSeries(metrics, clock, "authentication", serverID),
  };
}
