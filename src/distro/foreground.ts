/** A component in the foreground: a logger on standard error, a signal that ends with SIGTERM or SIGINT. */
import { systemClock } from "../base/clock.ts";
import { createLogger, type Logger, type LogLevel } from "../base/logger.ts";

export interface Foreground {
  logger: Logger;
  /** Aborted when the process is asked to stop. */
  signal: AbortSignal;
}

/** `verbosity` from 4 on logs debug lines, as upstream's --v does. */
export function foreground(name: string, verbosity = 0): Foreground {
  const level = verbosity >= 4 ? "debug" : ((process.env.K8TS_LOG ?? "info") as LogLevel);
  const logger = createLogger({ name, clock: systemClock, level, write: (line) => void process.stderr.write(line) });
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      logger.info("stopping", { signal });
      stop.abort(new Error(`the process was asked to stop (${signal})`));
    });
  }
  // A promise that nobody waits for must not take the others with it; it is a defect, and the log says where.
  process.on("unhandledRejection", (error) => {
    if (!stop.signal.aborted) logger.error("a rejection was not handled", { error, stack: error instanceof Error ? error.stack : undefined });
  });
  return { logger, signal: stop.signal };
}

/** Resolves when the process is asked to stop; keeps it alive until then. */
export function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const alive = systemClock.sleep(2 ** 31 - 1, signal).catch(() => {});
    void alive.then(() => resolve());
  });
}
