/** Encryption at rest as this program configures it: with a flag for the API server alone, with a file for a whole cluster. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { Encryption } from "../apiserver/encryption/encryption.ts";
import { encryptionSeries } from "../apiserver/encryption/metrics.ts";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Metrics } from "../base/metrics.ts";
import { systemRandom } from "../base/random.ts";

export interface EncryptionFile {
  file: string;
  /** Read again within a minute of a change. */
  reload: boolean;
  metrics: Metrics;
  logger: Logger;
}

/** Rejects with ConfigurationError. */
export function openEncryption({ file, reload, metrics, logger }: EncryptionFile): Promise<Encryption> {
  const series = encryptionSeries(metrics, systemClock, `apiserver-${hostname()}`);
  return Encryption.open({ file, reload, series, clock: systemClock, random: systemRandom, logger: logger.child("encryption") });
}

/** Undefined where there is no such file; what was encrypted is then refused, not lost. Rejects with ConfigurationError. */
export async function encryptionIfThere(options: Omit<EncryptionFile, "reload">): Promise<Encryption | undefined> {
  return existsSync(options.file) ? openEncryption({ ...options, reload: true }) : undefined;
}
