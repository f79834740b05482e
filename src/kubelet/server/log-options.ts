/** What part of a log is asked for (core/v1 PodLogOptions, with validation as pkg/apis/core/validation has it). */
import { HttpError } from "./routes.ts";

export interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  /** Milliseconds since the epoch. */
  sinceTime?: number;
  sinceSeconds?: number;
  tailLines?: number;
  limitBytes?: number;
  stream?: "stdout" | "stderr";
}

/** Throws HttpError 400. */
export function parseLogOptions(query: URLSearchParams): LogOptions {
  const flag = (name: string): boolean => ["1", "true"].includes(query.get(name) ?? "");
  const number = (name: string, least: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === "") return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) throw new HttpError(400, `${name}: Invalid value: ${text}: must be a number of at least ${least}`);
    return value;
  };
  const since = query.get("sinceTime");
  const sinceTime = since ? Date.parse(since) : undefined;
  if (Number.isNaN(sinceTime)) throw new HttpError(400, `sinceTime: Invalid value: ${JSON.stringify(since)}: must be a time such as 2026-01-02T15:04:05Z`);
  const stream = query.get("stream") ?? "";
  if (!["", "All", "Stdout", "Stderr"].includes(stream)) throw new HttpError(400, `stream: Unsupported value: ${JSON.stringify(stream)}`);
  return {
    follow: flag("follow"),
    previous: flag("previous"),
    timestamps: flag("timestamps"),
    sinceTime,
    sinceSeconds: number("sinceSeconds", 1),
    tailLines: number("tailLines", 0),
    limitBytes: number("limitBytes", 1),
    ...(stream === "Stdout" || stream === "Stderr" ? { stream: stream.toLowerCase() as "stdout" | "stderr" } : {}),
  };
}
