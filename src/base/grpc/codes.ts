/** The codes of gRPC, which are the same in every library (grpc/doc/statuscodes.md). */
const names = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export const status = Object.fromEntries(names.map((name, code) => [name, code])) as Readonly<Record<(typeof names)[number], number>>;

/** `DEADLINE_EXCEEDED`; undefined for a number that is no code. */
export const statusName = (code: number): string | undefined => names[code];
