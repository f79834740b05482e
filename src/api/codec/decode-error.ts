/**
 * What a client sent cannot be read as what it should be. The message is upstream's (encoding/json, sigs.k8s.io/json, the
 * UnmarshalJSON functions of k8s.io/apimachinery); decoders throw nothing else.
 */
export class DecodeError extends Error {
  /** True where the text itself is malformed, false where a value does not fit its type. */
  readonly syntax: boolean;
  constructor(message: string, syntax = false) {
    super(message);
    this.name = "DecodeError";
    this.syntax = syntax;
  }
}

/** Go's limit of nesting (encoding/json maxNestingDepth). */
export const maxDepth = 10_000;

/** Runs a recursive reader; a stack that is too small for the input is the input's fault and reported as Go reports it. */
export function bounded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError("exceeded max depth", true);
    throw error;
  }
}
