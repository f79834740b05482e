/** The HTTPS port of controller-manager and scheduler. */
import type { HealthCheck, HealthRoot } from "../../api/health-checks.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Client } from "../../client/client.ts";
import { CallerIdentity, readTrust, type TrustFlags } from "./caller-identity.ts";
import { clientFrom, connection } from "./connect.ts";
import { DelegatedAccess } from "./delegated-access.ts";
import { startHealthServer } from "./health-server.ts";
import { givenCertificate, ownCertificate } from "./serving-certificate.ts";

export interface SecureHealthFlags extends TrustFlags {
  readonly "authorization-kubeconfig": string;
  readonly "bind-address": string;
  readonly "secure-port": number;
  readonly "tls-cert-file": string;
  readonly "tls-private-key-file": string;
  readonly "authorization-always-allow-paths": readonly string[];
}

export interface SecureHealth {
  name: string;
  /** By name, as /flagz tells them. */
  flags: Readonly<Record<string, string>>;
  client: Client;
  metrics: Metrics;
  logger: Logger;
  checks(root: HealthRoot): readonly HealthCheck[];
}

/** Throws FlagError for certificates that cannot be used; rejects when the port is taken. */
export async function startSecureHealthServer(
  flags: SecureHealthFlags,
  { name, flags: texts, client, metrics, logger, checks }: SecureHealth,
): Promise<AsyncDisposable> {
  const host = flags["bind-address"];
  const given = givenCertificate(flags["tls-cert-file"], flags["tls-private-key-file"]);
  const pair = given ?? (await ownCertificate(name, host, systemClock));
  const own = (flag: "authentication-kubeconfig" | "authorization-kubeconfig"): Client =>
    flags[flag] ? clientFrom(connection(flags[flag], `--${flag}`), name) : client;
  const [tokens, rights] = [own("authentication-kubeconfig"), own("authorization-kubeconfig")];
  const callers = new CallerIdentity(await readTrust(flags, tokens, logger), systemClock);
  const secure = {
    ...pair,
    authorities: callers.authorities,
    access: new DelegatedAccess(tokens, systemClock, { rights, callers }),
    open: flags["authorization-always-allow-paths"],
  };
  const server = await startHealthServer({
    host,
    port: flags["secure-port"],
    metrics,
    secure,
    logger,
    described: { component: name, flags: texts },
    checks,
  });
  return {
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      for (const asked of new Set([tokens, rights])) if (asked !== client) await asked.transport[Symbol.asyncDispose]();
    },
  };
}
