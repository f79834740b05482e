/** The `continue` token: where a list in pages goes on (k8s.io/apiserver/pkg/storage/continue.go). */
import { DecodeError } from "../../api/codec/decode-error.ts";
import { encodeJSONString, parseJSON } from "../../api/codec/json.ts";
import { quoteByte } from "../../api/codec/json-syntax.ts";
import { badRequest, expired } from "../../api/status.ts";

export interface Position {
  /** Revision that the pages are read at; -1: whatever is latest. */
  revision: number;
  /** Key relative to the list's prefix: the next page begins after it. */
  after: string;
}

const version = "meta.k8s.io/v1";

export function encodeContinue(position: Position): string {
  const text = JSON.stringify({ v: version, rv: position.revision, start: `${position.after}\u0000` });
  return Buffer.from(text).toString("base64url");
}

export function decodeContinue(token: string): Position {
  const bad = (why: string): never => {
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`);
  };
  let parsed: { v?: unknown; rv?: unknown; start?: unknown };
  const wrong = token.search(/[^A-Za-z0-9_-]/);
  if (wrong >= 0 || token.length % 4 === 1) return bad(`illegal base64 data at input byte ${wrong >= 0 ? wrong : token.length - 1}`);
  const bytes = Buffer.from(token, "base64url");
  // What is no UTF-8 would be named as something else.
  if ((bytes[0] ?? 0) >= 0x80) return bad(`invalid character ${quoteByte(bytes[0] as number)} looking for beginning of value`);
  try {
    parsed = parseJSON(bytes).value as typeof parsed;
  } catch (error) {
    if (error instanceof DecodeError) return bad(error.message);
    throw error;
  }
  if (typeof parsed !== "object" || parsed === null || parsed.v !== version)
    return bad(`server does not recognize this encoded version ${encodeJSONString(parsed?.v ?? "")}`);
  if (typeof parsed.rv !== "number" || parsed.rv === 0) return bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  if (typeof parsed.start !== "string" || parsed.start === "") return bad("encoded start key empty (version meta.k8s.io/v1)");
  if (parsed.start.split("/").includes("..")) return bad(`invalid start key: ${parsed.start}`);
  return { revision: parsed.rv, after: parsed.start.endsWith("\u0000") ? parsed.start.slice(0, -1) : parsed.start };
}

/** The 410 of a token whose revision is compacted, with a token that goes on with what is there now. */
export function expiredContinue(after: string): Error {
  const error = expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  error.status.metadata = { continue: encodeContinue({ revision: -1, after }) };
  return error;
}
