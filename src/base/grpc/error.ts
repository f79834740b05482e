/** What a gRPC peer answers instead of a result, in the words of Go's grpc package. */
import type { ServiceError } from "@grpc/grpc-js";
import { table } from "../table.ts";
import { status, statusName } from "./codes.ts";

export class GrpcError extends Error {
  readonly code: number;
  /** What the peer says, without the code. */
  readonly details: string;
  constructor(code: number, details: string) {
    // The form in which upstream shows these errors in events and statuses.
    super(`rpc error: code = ${codeName(code)} desc = ${details}`);
    this.name = "GrpcError";
    this.code = code;
    this.details = details;
  }
  static of(error: ServiceError): GrpcError {
    return new GrpcError(error.code, asGo(error.code, error.details));
  }
  get notFound(): boolean {
    return this.code === status.NOT_FOUND;
  }
  get alreadyExists(): boolean {
    return this.code === status.ALREADY_EXISTS;
  }
  get unimplemented(): boolean {
    return this.code === status.UNIMPLEMENTED;
  }
  get deadlineExceeded(): boolean {
    return this.code === status.DEADLINE_EXCEEDED;
  }
  /** A code that says nothing. */
  get unknown(): boolean {
    return this.code === status.UNKNOWN;
  }
  /** Nobody listens there. */
  get undialled(): boolean {
    return this.unavailable && this.details.startsWith('connection error: desc = "transport: Error while dialing');
  }
  /** The same, of a call that waited for somebody in vain. */
  afterWaiting(): GrpcError {
    return new GrpcError(status.DEADLINE_EXCEEDED, `latest balancer error: ${this.details}`);
  }
  /** The peer is not there: not started yet, or gone. */
  get unavailable(): boolean {
    return this.code === status.UNAVAILABLE;
  }
}

/** A code's name as Go prints it: `DeadlineExceeded`; `Code(42)` where it has none. */
export function codeName(code: number): string {
  const name = statusName(code);
  if (name === undefined) return `Code(${code})`;
  if (code === status.OK) return name;
  if (code === status.CANCELLED) return "Canceled";
  return name.toLowerCase().replace(/(^|_)([a-z])/g, (_, __, c: string) => c.toUpperCase());
}

/** The name of the code that a peer answered with, also where the error was wrapped, as Kubernetes counts it. */
export function codeOf(error: unknown): string {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof GrpcError) return codeName(one.code);
  return "unknown-non-grpc";
}

const errnos = table<string>({ ENOENT: "no such file or directory", ECONNREFUSED: "connection refused", EACCES: "permission denied" });

/** The library's own sentences (not the peer's) in Go's words. */
function asGo(code: number, details: string): string {
  if (code === status.DEADLINE_EXCEEDED && /^Deadline exceeded after /.test(details)) return "context deadline exceeded";
  if (code !== status.UNAVAILABLE) return details;
  const dial = /^No connection established\. Last error: .*?connect (E[A-Z]+) (\/\S*?)\.?(?=\s|$)/.exec(details);
  const [, errno = "", path] = dial ?? [];
  if (dial) return `connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: ${errnos[errno] ?? errno}"`;
  return details === "Connection dropped" ? "error reading from server: EOF" : details;
}
