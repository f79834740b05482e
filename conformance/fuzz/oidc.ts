/**
 * ID tokens of an issuer that the authentication configuration names, whose claims become a user by CEL and are judged by it. An
 * input that is a JSON object {"header","claims"} is signed first; another one is the token itself. The issuer is a server of ours.
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Path } from "../../src/api/field.ts";
import { TokenError } from "../../src/apiserver/authentication/authenticator.ts";
import { signingAlgorithms } from "../../src/apiserver/authentication/jwt/jws.ts";
import type { JwtConfiguration } from "../../src/apiserver/authentication/jwt/configuration.ts";
import { JwtAuthenticator } from "../../src/apiserver/authentication/jwt/jwt-authenticator.ts";
import { validateJwt } from "../../src/apiserver/authentication/jwt/validation.ts";
import { VirtualClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { jsonMutator } from "./mutate-json.ts";
import { bytesOf, Finding, kindOf, type MakeTarget } from "./target.ts";
import { type Parts, partMutator, signedToken, tokenOf } from "./tokens.ts";

const issuer = "https://issuer";
const clock = new VirtualClock(Date.UTC(2026, 10, 22));
const now = clock.now() / 1000;
const ours = generateKeyPairSync("ec", { namedCurve: "P-256" });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const header = { alg: "ES256", kid: "a" };

const rules: JwtConfiguration[] = [
  {
    claimMappings: {
      username: { expression: "claims.sub + ':' + string(claims.?level.orValue(0))" },
      groups: { expression: "claims.?roles.orValue([]).filter(r, r.startsWith('k8s:')).map(r, r.substring(4))" },
      uid: { expression: "claims.?address.?street.orValue('none')" },
      extra: [
        { key: "example.org/any", valueExpression: "claims.?extra.orValue('')" },
        { key: "example.org/level", valueExpression: "[string(claims.?level.orValue(0)), claims.sub.lowerAscii()]" },
      ],
    },
    claimValidationRules: [
      { expression: "claims.?email_verified.orValue(true) == true || has(claims.blocked)", message: "not verified" },
      { expression: "!has(claims.blocked) || claims.blocked in [false, 0, 'no']", message: "blocked" },
    ],
    userValidationRules: [{ expression: "user.groups.all(g, !g.startsWith('system:')) && user.username.size() < 1000", message: "reserved" }],
  },
  {
    claimMappings: { username: { claim: "sub", prefix: "p:" }, uid: { claim: "jti" } },
    claimValidationRules: [{ claim: "level", requiredValue: "3" }],
  },
];

const claims = {
  sub: "Alice",
  level: 3,
  roles: ["k8s:dev", "other", "k8s:ops"],
  email_verified: true,
  address: { street: "s", lines: [1, 2.5, null, { a: [] }] },
  extra: ["a", "b"],
  jti: "1",
  nbf: now - 1,
  iat: now,
  exp: now + 60,
  at_hash: "x",
  nonce: "n",
};
const signed = (given: Parts, key: KeyObject = ours.privateKey): string => signedToken(given, key);
/** What a token says, however its base64 is written. */
const said = (token: string): string => {
  const [head, payload] = token.split(".", 2).map((part) => Buffer.from(part, "base64url").toString("hex"));
  return `${head}.${payload}`;
};

export const makeTarget: MakeTarget = async () => {
  const server = createServer((request, response) => {
    const keys = [{ ...ours.publicKey.export({ format: "jwk" }), kid: "a" }];
    response.setHeader("content-type", "application/json").end(JSON.stringify(request.url === "/keys" ? { keys } : { issuer, jwks_uri: `${url}/keys` }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const series = { judged: () => {}, keysFetched: () => {} };
  const authenticators = rules.map((rule) => {
    const configuration = { ...rule, issuer: { url: issuer, discoveryURL: url, audiences: ["api"] } };
    // The validation of URLs is left out: this issuer speaks HTTP.
    const { rules: compiled } = validateJwt(configuration, [], new Path());
    return new JwtAuthenticator({ configuration, rules: compiled, algorithms: signingAlgorithms, clock, logger: silentLogger, series });
  });
  await Promise.all(authenticators.map(({ asked }) => asked));
  const good = { ...claims, iss: issuer, aud: "api" };
  const valid = new Set([said(signed({ header, claims: good }))]);
  return {
    seeds: [
      signed({ header, claims: good }),
      signed({ header, claims: good }, stranger.privateKey),
      signed({ header: { alg: "none" }, claims: good }),
      JSON.stringify({ header, claims: good }),
      JSON.stringify({ header, claims: { ...good, aud: ["x", "api"], blocked: "no", roles: "k8s:one", level: 2 ** 53 } }),
      JSON.stringify({ header, claims: { ...good, extra: { a: 1 }, _claim_names: { groups: "s" }, _claim_sources: { s: { endpoint: "x" } } } }),
    ].map(bytesOf),
    words: [
      ".",
      "none",
      "HS256",
      "RS256",
      "EdDSA",
      "kid",
      "crit",
      "jwk",
      "aud",
      "iss",
      "exp",
      "sub",
      "roles",
      "level",
      "blocked",
      issuer,
      "1e999",
      "-0",
      "null",
    ],
    mutators: [jsonMutator, jsonMutator, partMutator],
    longest: 256 << 10,
    async run(input) {
      const { token, made } = tokenOf(input, ours.privateKey);
      const outcomes: string[] = [];
      for (const authenticator of authenticators) {
        try {
          const user = await authenticator.authenticate(token);
          if (user && !made && !valid.has(said(token))) throw new Finding(`${user.name} by a token that nobody signed`);
          const texts = user ? [user.name, user.uid ?? "", ...(user.groups ?? []), ...Object.values(user.extra ?? {}).flat()] : [];
          if (texts.some((each) => typeof each !== "string")) throw new Finding(`user ${JSON.stringify(user).slice(0, 500)}`);
          outcomes.push(user ? `user ${Math.min(3, user.groups?.length ?? 0)} ${Object.keys(user.extra ?? {}).length}` : "not of this issuer");
        } catch (error) {
          if (!(error instanceof TokenError)) throw error;
          outcomes.push(kindOf(error.message));
        }
      }
      return outcomes.join(" | ");
    },
    async close() {
      for (const authenticator of authenticators) authenticator[Symbol.dispose]();
      server.closeAllConnections();
      server.close();
    },
  };
};
