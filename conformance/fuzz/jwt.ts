/**
 * Tokens: what nobody signed is nobody's, and what was signed with the right key and says anything at all is taken or refused.
 * An input that is a JSON object {"header","claims"} is signed first; another one is the token itself.
 */
import { generateKeyPairSync } from "node:crypto";
import { MemoryReader } from "../../src/apiserver/authorization/memory-reader.fixture.ts";
import { TokenError } from "../../src/apiserver/authentication/authenticator.ts";
import { bearerAuthenticator } from "../../src/apiserver/authentication/bearer.ts";
import { fixedKeys, parseSigningKey, parseVerificationKeys, signToken } from "../../src/apiserver/authentication/service-account-keys.ts";
import { ServiceAccountTokenAuthenticator } from "../../src/apiserver/authentication/service-account-token.ts";
import type { ApiRequest } from "../../src/api/exchange.ts";
import { StatusError } from "../../src/api/status.ts";
import { VirtualClock } from "../../src/base/clock.ts";
import { jsonMutator } from "./mutate-json.ts";
import { bytesOf, Finding, kindOf, type MakeTarget } from "./target.ts";
import { encodePart, partMutator, tokenOf } from "./tokens.ts";

const issuer = "https://issuer";
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const pem = privateKey.export({ type: "sec1", format: "pem" }).toString();
const signing = parseSigningKey(pem);
const reader = new MemoryReader()
  .put("serviceaccounts", { metadata: { namespace: "n", name: "a", uid: "u" } })
  .put("pods", { metadata: { namespace: "n", name: "p", uid: "pu" } })
  .put("secrets", { metadata: { namespace: "n", name: "s", uid: "su" }, data: { token: "eA==" } });
const clock = new VirtualClock();
const now = Math.floor(clock.now() / 1000);
const authenticator = new ServiceAccountTokenAuthenticator({
  reader,
  clock,
  issuers: [issuer],
  audiences: ["api"],
  keys: fixedKeys(parseVerificationKeys(pem)),
});
const bearer = bearerAuthenticator(authenticator, ["api"]);

const claims = {
  aud: ["api"],
  exp: now + 3600,
  iat: now,
  iss: issuer,
  jti: "j",
  "kubernetes.io": { namespace: "n", pod: { name: "p", uid: "pu" }, serviceaccount: { name: "a", uid: "u" }, warnafter: now + 100 },
  nbf: now,
  sub: "system:serviceaccount:n:a",
};
const legacy = {
  iss: "kubernetes/serviceaccount",
  "kubernetes.io/serviceaccount/namespace": "n",
  "kubernetes.io/serviceaccount/secret.name": "s",
  "kubernetes.io/serviceaccount/service-account.name": "a",
  "kubernetes.io/serviceaccount/service-account.uid": "u",
  sub: "system:serviceaccount:n:a",
};
const header = { alg: signing.algorithm, kid: signing.id };
const valid = signToken(claims, signing);

export const makeTarget: MakeTarget = () => ({
  seeds: [
    valid,
    `${encodePart({ alg: "none" })}.${encodePart(claims)}.`,
    `${encodePart({ alg: "HS256", kid: signing.id })}.${encodePart(claims)}.AAAA`,
    JSON.stringify({ header, claims }),
    JSON.stringify({ header: { alg: "none" }, claims }),
    JSON.stringify({ header, claims: legacy }),
  ].map(bytesOf),
  words: [
    ".",
    "=",
    "none",
    "HS256",
    "RS256",
    "ES256",
    "kid",
    "alg",
    "crit",
    "b64",
    "jwk",
    "x5c",
    "aud",
    "iss",
    "exp",
    issuer,
    " ",
    "\u0000",
    "{}",
    "[]",
    "null",
  ],
  mutators: [jsonMutator, jsonMutator, partMutator],
  longest: 256 << 10,
  async run(input) {
    const { token, made: ours } = tokenOf(input, privateKey);
    const headers: Record<string, string | undefined> = { authorization: `Bearer ${token.replace(/[^\x20-\x7e]/g, "")}` };
    let outcome = "";
    try {
      const user = await bearer.authenticate({ headers } as unknown as ApiRequest);
      if (user && !ours && signaturePart(token) !== signaturePart(valid)) throw new Finding(`${user.name} by a token that nobody signed`);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      outcome = `${error.code} `;
    }
    try {
      const found = await authenticator.authenticateToken(token, ["api"]);
      if (!found) return `${outcome}not a token of ours`;
      if (!ours && signaturePart(token) !== signaturePart(valid)) throw new Finding(`${found.user.name} by a token that nobody signed`);
      if (typeof found.user.name !== "string" || found.user.groups?.some((group) => typeof group !== "string"))
        throw new Finding(`user ${JSON.stringify(found)}`);
      return `${outcome}${found.user.name}`;
    } catch (error) {
      if (error instanceof TokenError) return `${outcome}${kindOf(error.message)}`;
      throw error;
    }
  },
});

/** What is signed, as bytes: base64 has more than one way to write some of them. */
const signaturePart = (token: string): string =>
  token
    .split(".")
    .slice(0, 2)
    .map((part) => Buffer.from(part, "base64url").toString("hex"))
    .join(".");
