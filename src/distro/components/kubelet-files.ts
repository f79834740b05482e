/**
 * What the kubelet's server was given in files, read again when they change: its serving certificate with its key, and the
 * authorities of clients (k8s.io/apiserver/pkg/server/dynamiccertificates; features ReloadKubeletServerCertificateFile and
 * ReloadKubeletClientCAFile). What cannot be used is logged, and the former stays.
 */
import { readFileSync } from "node:fs";
import { followFile } from "../../apiserver/outside/follow-file.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Access } from "../../kubelet/server/access.ts";
import type { KubeletServer } from "../../kubelet/server/server.ts";
import { givenCertificate } from "./serving-certificate.ts";

export interface KubeletFiles {
  /** Paths. An empty one: it was not given in a file. */
  files: { clientCA: string; cert: string; key: string };
  access: Pick<Access, "trust">;
  server: Pick<KubeletServer, "show">;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

/** Milliseconds between looks where nothing is heard of a file. */
const interval = 60_000;

/** Resolves when the signal is aborted. */
export async function followKubeletFiles({ files, access, server, clock, logger, signal }: KubeletFiles): Promise<void> {
  const follow = (file: string, read: () => string, take: (text: string) => void): Promise<void> => {
    let known = read();
    const changed = (): void => {
      try {
        const text = read();
        if (text === known) return;
        take(text);
        known = text;
        logger.info("a file was read again", { file });
      } catch (error) {
        logger.error("a file could not be read again; what it said before stays", { file, error });
      }
    };
    return followFile({ file, interval, clock, signal, changed });
  };
  const { clientCA, cert, key } = files;
  const authorities = clientCA
    ? follow(
        clientCA,
        () => readFileSync(clientCA, "utf8"),
        (pem) => {
          access.trust(pem);
          server.show({ clientCA: pem });
        },
      )
    : undefined;
  const pair = (): string => readFileSync(cert, "utf8") + readFileSync(key, "utf8");
  const serving = cert && key ? [cert, key].map((file) => follow(file, pair, () => server.show(givenCertificate(cert, key) ?? {}))) : [];
  await Promise.all([authorities, ...serving]);
}
