/** Structured log lines: `2026-11-21T10:00:00.000Z INFO kubelet: message key="value"`. */
import type { Clock } from "./clock.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same sink under `name/child`. */
  child(name: string): Logger;
}

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LoggerOptions {
  name: string;
  clock: Clock;
  /** Least level written. @default "info" */
  level?: LogLevel;
  write(line: string): void;
}

export function createLogger(options: LoggerOptions): Logger {
  const least = order[options.level ?? "info"];
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (order[level] < least) return;
    options.write(`${new Date(options.clock.now()).toISOString()} ${level.toUpperCase().padEnd(5)} ${options.name}: ${message}${formatFields(fields)}\n`);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (name) => createLogger({ ...options, name: `${options.name}/${name}` }),
  };
}

function formatFields(fields?: LogFields): string {
  if (!fields) return "";
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}=${value instanceof Error ? JSON.stringify(value.message) : JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v))}`,
    )
    .join("");
}

/** Swallows everything: for tests that do not look at logs. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };
