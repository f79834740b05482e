/** Authorities of clients and of front proxies, read again when their files change (k8s.io/apiserver/pkg/server/dynamiccertificates). */
import { readFileSync } from "node:fs";
import type { Authorities } from "../../apiserver/authentication/default.ts";
import { followFile } from "../../apiserver/outside/follow-file.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";

export interface AuthorityFiles {
  /** By what is in them; an empty path: there is none. */
  files: Readonly<Record<keyof Authorities, string>>;
  /** As they were read at first, PEM. */
  first: Authorities;
  logger: Logger;
  signal: AbortSignal;
  /** Rejects for what cannot be read: then the former ones stay. */
  trust(authorities: Authorities): Promise<void>;
  /** All of them, for the handshake. */
  show(pem: string): void;
}

/** Milliseconds between looks where nothing is heard of a file. */
const interval = 60_000;

/** One text of all bundles, as a handshake names them. */
export const bundleOf = ({ clientCa, frontProxyCa }: Authorities): string => [clientCa, frontProxyCa].filter((one) => one !== undefined).join("\n");

/** Resolves when the signal is aborted. */
export async function followAuthorities({ files, first, logger, signal, trust, show }: AuthorityFiles): Promise<void> {
  const current = { ...first };
  const read = async (name: keyof Authorities): Promise<void> => {
    const file = files[name];
    try {
      const pem = readFileSync(file, "utf8");
      if (pem === current[name]) return;
      await trust({ [name]: pem });
      current[name] = pem;
      show(bundleOf(current));
      logger.info("authorities were read again", { file });
    } catch (error) {
      logger.error("authorities could not be read again; the former ones stay", { file, error });
    }
  };
  const followed = (["clientCa", "frontProxyCa"] as const).filter((name) => files[name]);
  await Promise.all(followed.map((name) => followFile({ file: files[name], interval, clock: systemClock, signal, changed: () => read(name) })));
}
