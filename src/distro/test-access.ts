/** The way into a cluster for tests from other processes: certificates of its own, a TLS port on 127.0.0.1, a kubeconfig. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiHandler, UserInfo } from "../api/exchange.ts";
import { CertificateVerifier } from "../api/x509/verifier.ts";
import { listen } from "../apiserver/http/listener.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { ControlPlane } from "./control-plane.ts";
import { kubeconfig } from "./identities.ts";
import { PKI } from "./pki.ts";

export interface Certificates {
  /** PEM. */
  ca: string;
  server: { cert: string; key: string };
  /** Of the authority. */
  key: string;
  /** YAML of the administrator's kubeconfig for a server. */
  kubeconfig(server: string): string;
}

/** Valid by the real time, whatever the cluster's clock says: programs outside live in it. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = mkdtempSync(join(tmpdir(), "k8ts-"));
  try {
    const pki = new PKI(directory, systemClock);
    await pki.ensureCA("ca", "kubernetes");
    const dns = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    await Promise.all([
      pki.ensure({ file: "apiserver", commonName: "kube-apiserver", ca: "ca", usages: ["server"], dns, ip: ["127.0.0.1"] }),
      pki.ensure({ file: "admin", commonName: "kubernetes-admin", organizations: ["system:masters"], ca: "ca", usages: ["client"] }),
    ]);
    const files = new Map(["ca", "apiserver", "admin"].map((file) => [file, { cert: pki.certificate(file), key: pki.key(file) }]));
    const of = (file: string): { cert: string; key: string } => files.get(file) as { cert: string; key: string };
    return {
      ca: of("ca").cert,
      key: of("ca").key,
      server: of("apiserver"),
      kubeconfig: (server) => kubeconfig({ certificate: (file) => of(file).cert, key: (file) => of(file).key }, "admin", server),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface OpenPortOptions {
  plane: ControlPlane;
  certificates: Certificates;
  /** 0: any free one. */
  port: number;
  clock: Clock;
  logger: Logger;
}

export async function openPort(options: OpenPortOptions): Promise<{ kubeconfig: string; server: string; close(): Promise<void> }> {
  const { plane, certificates, clock, logger } = options;
  const verifier = new CertificateVerifier({ ca: certificates.ca, clock: systemClock });
  const { handler } = plane.api.server;
  const known: ApiHandler = (request) => {
    const user = request.clientCertificates && userOf(verifier, request.clientCertificates);
    return handler(user ? { ...request, signal: request.signal, user } : request);
  };
  const listener = await listen({
    handler: known,
    upgrades: plane.api.upgrades,
    handshakeFailed: plane.api.handshakeFailed,
    tls: { ...certificates.server, clientCa: certificates.ca },
    host: "127.0.0.1",
    port: options.port,
    clock,
    logger,
  });
  const server = `https://127.0.0.1:${listener.port}`;
  return { server, kubeconfig: certificates.kubeconfig(server), close: () => listener.close(0) };
}

/** Undefined for a certificate that does not count: the API server then says so itself. */
const userOf = (verifier: CertificateVerifier, certificates: readonly Uint8Array[]): UserInfo | undefined =>
  verifier.look(certificates).caller?.user ?? undefined;
