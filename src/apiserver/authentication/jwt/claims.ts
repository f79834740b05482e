/**
 * The claims of a JSON Web Token as Go's encoding/json decodes them: of repeated names the last one holds, names of declared
 * fields are found whatever their case, and what has another type than it should is told in Go's words.
 */
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { type JSONNode, parseNodes } from "../../../api/codec/json-syntax.ts";
import { goQuote } from "../../../api/go-quote.ts";

type ObjectNode = Extract<JSONNode, { kind: "object" }>;

/** What is wrong with a claim, or with what should hold one. */
export class ClaimError extends Error {
  override name = "ClaimError";
}

/** A number beyond all doubles, anywhere. */
export function tooLarge(root: JSONNode): string | undefined {
  const open = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.kind === "number" && !Number.isFinite(Number(node.text))) return node.text;
    if (node.kind === "object" || node.kind === "array") for (const value of node.values) open.push(value);
  }
  return undefined;
}

export type Claims = Map<string, JSONNode>;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Throws ClaimError for what is no JSON. */
export function parseJson(bytes: Uint8Array | string): JSONNode {
  try {
    return parseNodes(typeof bytes === "string" ? bytes : utf8.decode(bytes));
  } catch (error) {
    if (error instanceof DecodeError) throw new ClaimError(error.message);
    throw error;
  }
}

/** Of base64url without padding; line breaks are skipped. Throws ClaimError. */
export function decodeBase64Url(text: string): Buffer {
  const wrong = text.search(/[^A-Za-z0-9_\-\r\n]/);
  if (wrong >= 0) throw new ClaimError(`illegal base64 data at input byte ${Buffer.byteLength(text.slice(0, wrong))}`);
  const bare = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, "") : text;
  if (bare.length % 4 === 1) throw new ClaimError(`illegal base64 data at input byte ${text.length}`);
  return Buffer.from(bare, "base64url");
}

const shown = (node: JSONNode): string => node.kind;

/** `where` is what Go writes before `of type`. */
const mismatch = (node: JSONNode, type: string, where = "Go value"): ClaimError =>
  new ClaimError(`json: cannot unmarshal ${shown(node)} into ${where} of type ${type}`);

const members = ({ keys, values }: ObjectNode): [string, JSONNode][] => keys.map((key, i) => [key, values[i] as JSONNode]);

/** The last of each name. Throws ClaimError for what is neither an object nor null. */
export function claimsOf(node: JSONNode): Claims {
  if (node.kind === "null") return new Map();
  if (node.kind !== "object") throw mismatch(node, "oidc.claims");
  return new Map(members(node));
}

/** As Go compares names of fields: s and k have one more form each beyond ASCII. */
const folded = (name: string): string => name.replaceAll("\u017f", "s").toLowerCase();

/** What a field of a struct is given, in the order of the text. */
export function fieldsOf(node: ObjectNode, names: readonly string[]): [name: string, value: JSONNode][] {
  const byFold = new Map(names.map((name) => [folded(name), name]));
  const found: [string, JSONNode][] = [];
  for (const [key, value] of members(node)) {
    const name = names.includes(key) ? key : byFold.get(folded(key));
    if (name !== undefined) found.push([name, value]);
  }
  return found;
}

/** null is "". */
export function stringOf(node: JSONNode, where?: string): string {
  if (node.kind === "null") return "";
  if (node.kind !== "string") throw mismatch(node, "string", where);
  return node.value;
}

/** null is false. */
export function boolOf(node: JSONNode): boolean {
  if (node.kind === "null") return false;
  if (node.kind !== "bool") throw mismatch(node, "bool");
  return node.value;
}

export function stringsOf(node: JSONNode, where?: string): string[] {
  if (node.kind === "null") return [];
  if (node.kind !== "array") throw mismatch(node, "[]string", where);
  return node.values.map((value) => stringOf(value, where));
}

/** A list of strings, or one string for a list of it. */
export function stringOrStrings(node: JSONNode): string[] {
  try {
    return stringsOf(node);
  } catch (error) {
    if (!(error instanceof ClaimError)) throw error;
    return [stringOf(node)];
  }
}

export function stringMapOf(node: JSONNode, where?: string): Map<string, string> {
  if (node.kind === "null") return new Map();
  if (node.kind !== "object") throw mismatch(node, "map[string]string", where);
  return new Map(members(node).map(([key, value]) => [key, stringOf(value, where)]));
}

export interface ClaimSource {
  endpoint: string;
  accessToken: string;
}

/** `_claim_sources`. `where` as the names of its fields begin, where they are part of a struct. */
export function claimSourcesOf(node: JSONNode, inStruct: boolean): Map<string, ClaimSource> {
  const type = inStruct ? "oidc.claimSource" : "oidc.endpoint";
  const whole = inStruct ? "Go struct field idToken._claim_sources" : undefined;
  if (node.kind === "null") return new Map();
  if (node.kind !== "object") throw mismatch(node, `map[string]${type}`, whole);
  return new Map(
    members(node).map(([key, value]) => {
      const source: ClaimSource = { endpoint: "", accessToken: "" };
      if (value.kind === "null") return [key, source];
      if (value.kind !== "object") throw mismatch(value, type, whole);
      for (const [name, field] of fieldsOf(value, ["endpoint", "access_token"])) {
        const text = stringOf(field, `Go struct field ${inStruct ? "claimSource._claim_sources" : "endpoint"}.${name}`);
        if (name === "endpoint") source.endpoint = text;
        else source.accessToken = text;
      }
      return [key, source];
    }),
  );
}

const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Seconds since the epoch, also of a number within quotes; what is behind a point is cut off. */
function secondsOf(node: JSONNode, where: string): number {
  const text = node.kind === "number" ? node.text : node.kind === "string" ? node.value : node.kind === "null" ? "" : undefined;
  if (text === undefined) throw mismatch(node, "json.Number", where);
  if (node.kind === "string" && !number.test(text))
    throw new ClaimError(`json: invalid number literal, trying to unmarshal ${goQuote(goQuote(text))} into Number`);
  if (text === "") throw new ClaimError('strconv.ParseFloat: parsing "": invalid syntax');
  const value = Number(text);
  if (!Number.isFinite(value)) throw new ClaimError(`strconv.ParseFloat: parsing ${goQuote(text)}: value out of range`);
  // What int64 does not hold becomes its least value.
  return value >= 2 ** 63 || value < -(2 ** 63) ? -(2 ** 63) : Math.trunc(value);
}

/** What OpenID Connect says of a token. */
export interface IdToken {
  issuer: string;
  audiences: string[];
  /** Seconds since the epoch; undefined: never given, which has passed. */
  expiry: number | undefined;
  notBefore: number | undefined;
  claimNames: Map<string, string>;
  claimSources: Map<string, ClaimSource>;
}

const idTokenFields = ["iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "_claim_names", "_claim_sources"];

/** Throws ClaimError. */
export function idTokenOf(payload: JSONNode): IdToken {
  const token: IdToken = { issuer: "", audiences: [], expiry: undefined, notBefore: undefined, claimNames: new Map(), claimSources: new Map() };
  if (payload.kind === "null") return token;
  if (payload.kind !== "object") throw mismatch(payload, "oidc.idToken");
  // A field of a plain type that is wrong is told once all others were read; those that read themselves end it at once.
  let first: unknown;
  const plainly = (read: () => void): void => {
    try {
      read();
    } catch (error) {
      first ??= error;
    }
  };
  for (const [name, value] of fieldsOf(payload, idTokenFields)) {
    const where = `Go struct field idToken.${name}`;
    switch (name) {
      case "iss":
        plainly(() => {
          if (value.kind !== "null") token.issuer = stringOf(value, where);
        });
        break;
      case "aud":
        token.audiences = value.kind === "string" ? [value.value] : value.kind === "null" ? [""] : stringsOf(value, where);
        break;
      case "exp":
        token.expiry = secondsOf(value, where);
        break;
      case "iat":
        secondsOf(value, where);
        break;
      case "nbf":
        token.notBefore = value.kind === "null" ? undefined : secondsOf(value, where);
        break;
      case "_claim_names":
        plainly(() => {
          token.claimNames = new Map([...token.claimNames, ...stringMapOf(value, where)]);
        });
        break;
      case "_claim_sources":
        plainly(() => {
          token.claimSources = new Map([...token.claimSources, ...claimSourcesOf(value, true)]);
        });
        break;
      default:
        plainly(() => void stringOf(value, where));
    }
  }
  if (first) throw first;
  return token;
}

/** The issuer that a token names, whoever signed it; undefined for what is no such token. */
export function untrustedIssuer(token: string): string | undefined {
  try {
    return issuerOf(token);
  } catch (error) {
    if (error instanceof ClaimError) return undefined;
    throw error;
  }
}

/** The same; throws ClaimError. */
export function issuerOf(token: string): string {
  if (token.trimStart().startsWith("{")) throw new ClaimError("token is not compact JWT");
  const parts = token.split(".", 4);
  if (parts.length !== 3) throw new ClaimError("malformed token");
  let payload: Buffer;
  try {
    payload = decodeBase64Url(parts[1] as string);
  } catch (error) {
    throw new ClaimError(`error decoding token: ${(error as Error).message}`);
  }
  let issuer = "";
  try {
    const node = parseJson(payload);
    if (node.kind === "object") {
      for (const [, value] of fieldsOf(node, ["iss"])) if (value.kind !== "null") issuer = stringOf(value, "Go struct field .iss");
    } else if (node.kind !== "null") throw mismatch(node, 'struct { Issuer string "json:\\"iss\\"" }');
  } catch (error) {
    if (!(error instanceof ClaimError)) throw error;
    throw new ClaimError(`while unmarshaling token: ${error.message}`);
  }
  return issuer === "accounts.google.com" ? "https://accounts.google.com" : issuer;
}
