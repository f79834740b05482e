/** The HTTPS port of controller-manager and scheduler. */
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Client } from "../../client/client.ts";
import { DelegatedAccess } from "./delegated-access.ts";
import { readCertificates } from "./files.ts";
import { startHealthServer } from "./health-server.ts";
import { givenCertificate, ownCertificate } from "./serving-certificate.ts";

export interface SecureHealthFlags {
  readonly "bind-address": string;
  readonly "secure-port": number;
  readonly "tls-cert-file": string;
  readonly "tls-private-key-file": string;
  readonly "client-ca-file": string;
  readonly "authorization-always-allow-paths": readonly string[];
}

export interface SecureHealth {
  name: string;
  client: Client;
  metrics: Metrics;
  logger: Logger;
  parts?(): readonly string[];
}

/** Throws FlagError for certificates that cannot be used; rejects when the port is taken. */
export async function startSecureHealthServer(flags: SecureHealthFlags, { name, client, metrics, logger, parts }: SecureHealth): Promise<AsyncDisposable> {
  const host = flags["bind-address"];
  const given = givenCertificate(flags["tls-cert-file"], flags["tls-private-key-file"]);
  const pair = given ?? (await ownCertificate(name, host, systemClock));
  const clientCa = flags["client-ca-file"] && readCertificates(flags["client-ca-file"], "--client-ca-file");
  const secure = {
    ...pair,
    ...(clientCa ? { clientCa } : {}),
    access: new DelegatedAccess(client, systemClock),
    open: flags["authorization-always-allow-paths"],
  };
  return startHealthServer({ host, port: flags["secure-port"], metrics, secure, logger, ...(parts ? { parts } : {}) });
}
