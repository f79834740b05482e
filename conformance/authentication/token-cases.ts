/** Tokens right and wrong, for the issuers of the comparison. */
import { issuers } from "./issuers.ts";
import { type IssuerKey, keys, mint, signature } from "./tokens.ts";

export interface TokenCase {
  name: string;
  token: string;
  /** Asked for in the review. */
  audiences?: string[];
}

const encode = (value: unknown): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export function tokenCases(address: string): TokenCase[] {
  const now = Math.floor(Date.now() / 1000);
  const cases: TokenCase[] = [];
  const base = (issuer: string): Record<string, unknown> => ({ iss: `${address}/${issuer}`, aud: "api", sub: "alice", exp: now + 3600, iat: now });
  const add = (name: string, token: string, audiences?: string[]): void => void cases.push({ name, token, ...(audiences ? { audiences } : {}) });
  const of = (issuer: string, name: string, claims: object = {}, how: { key?: IssuerKey; alg?: string; header?: object | string } = {}): void =>
    add(`${issuer} ${name}`, mint({ ...how, claims: { ...base(issuer), ...claims } }));
  /** Claims as text, `ISS` for the issuer. */
  const text = (issuer: string, name: string, claims: string | Buffer): void =>
    add(
      `${issuer} ${name}`,
      mint({ claims: typeof claims === "string" ? claims.replaceAll("ISS", `${address}/${issuer}`).replaceAll("EXP", String(now + 3600)) : claims }),
    );

  for (const { name } of issuers) of(name, "good", labClaims);

  // Signatures.
  for (const key of [keys.other, keys.p256, keys.p384, keys.p521]) of("plain", `signed by ${key.kid}`, {}, { key });
  for (const alg of ["RS384", "RS512", "PS256", "PS384", "PS512", "none", "None", "HS256", "HS512", "RS1", "EdDSA", "ES256", "", "__proto__", "constructor"])
    of("plain", `alg ${alg}`, {}, { alg: alg === "EdDSA" || alg === "ES256" ? "RS256" : alg, header: { alg, kid: "rsa" } });
  of("plain", "of ed25519", {}, { key: keys.ed });
  of("plain", "of a stranger", {}, { key: keys.stranger });
  of("plain", "of a stranger with a known kid", {}, { key: keys.stranger, header: { alg: "RS256", kid: "rsa" } });
  of("plain", "unknown kid", {}, { header: { alg: "RS256", kid: "nobody" } });
  of("plain", "without kid", {}, { header: { alg: "RS256" } });
  of("plain", "without kid, second key", {}, { key: keys.p384, header: { alg: "ES384" } });
  of("plain", "kid of another algorithm", {}, { key: keys.p256, header: { alg: "ES256", kid: "rsa" } });
  of("plain", "ES256 with P-384", {}, { key: keys.p384, header: { alg: "ES256", kid: "p384" } });
  for (const header of [
    { alg: "RS256", kid: 5 },
    { alg: 5, kid: "rsa" },
    { alg: ["RS256"], kid: "rsa" },
    { alg: null, kid: "rsa" },
    { kid: "rsa" },
    {},
    [],
    null,
    { alg: "RS256", kid: "rsa", crit: ["exp"] },
    { alg: "RS256", kid: "rsa", crit: ["b64"] },
    { alg: "RS256", kid: "rsa", crit: [] },
    { alg: "RS256", kid: "rsa", crit: "b64" },
    { alg: "RS256", kid: "rsa", crit: ["b64"], b64: false },
    { alg: "RS256", kid: "rsa", b64: true },
    { alg: "RS256", kid: "rsa", typ: "at+jwt", cty: "x" },
    { alg: "RS256", kid: "rsa", nonce: 5 },
    { alg: "RS256", kid: "rsa", jwk: { kty: "oct", k: "c2VjcmV0" } },
    { alg: "RS256", kid: "rsa", jwk: { kty: "XYZ" } },
    { alg: "RS256", kid: "rsa", jwk: keys.stranger.publicKey.export({ format: "jwk" }) },
    { alg: "RS256", kid: "rsa", jwk: 5 },
    { alg: "RS256", kid: "rsa", x5c: "text" },
    { alg: "RS256", kid: "rsa", x5c: ["%%%"] },
    { alg: "RS256", kid: "rsa", x5u: "https://example.com", jku: "https://example.com" },
    { ALG: "RS256", alg: "RS256", KID: "x", kid: "rsa" },
    { alg: "RS256", kid: "rsa", x: { deep: [{ a: 1 }] } },
  ])
    of("plain", `header ${JSON.stringify(header).slice(0, 80)}`, {}, { header: JSON.stringify(header) });
  for (const header of [
    '{"alg":"RS256","alg":"none","kid":"rsa"}',
    '{"alg":"RS256","kid":"rsa","kid":"rsa"}',
    '{"alg":"RS256","kid":"rsa","x":{"a":1,"a":2}}',
    '{"alg":"RS256","kid":"rsa"} trailing',
    '{"alg":"RS256","kid":"rsa"',
    '{"alg":"RS256","kid":"rsa",}',
    " ",
    "text",
    "5",
    '"text"',
    '\ufeff{"alg":"RS256","kid":"rsa"}',
    '{"alg":"RS256","kid":"rs\\u0061"}',
    '{"alg":"RS256","kid":"rsa","x":1e400}',
    '{"__proto__":{"alg":"RS256"},"kid":"rsa"}',
  ])
    of("plain", `header text ${header}`, {}, { header });
  of("plain", "empty header", {}, { header: "" });
  of("plain", "deep header", {}, { header: `{"alg":"RS256","kid":"rsa","x":${"[".repeat(5000)}${"]".repeat(5000)}}` });

  // Forms.
  const good = mint({ claims: base("plain") });
  const [head = "", body = "", tail = ""] = good.split(".");
  for (const [name, token] of Object.entries({
    "two parts": `${head}.${body}`,
    "four parts": `${good}.x`,
    "many dots": `${good}${".".repeat(1000)}`,
    "empty signature": `${head}.${body}.`,
    "empty payload": `${head}..${tail}`,
    "empty header part": `.${body}.${tail}`,
    padding: `${head}=.${body}.${tail}`,
    "padded signature": `${head}.${body}.${tail}==`,
    "standard base64": `${head}.${body}.${"+/".repeat(128)}`,
    "cut signature": `${head}.${body}.${tail.slice(0, -4)}`,
    "longer signature": `${head}.${body}.${tail}AAAA`,
    "one more character": `${head}.${body}.${tail}A`,
    "other payload": `${head}.${encode({ ...base("plain"), sub: "mallory" })}.${tail}`,
    "JSON form": JSON.stringify({ payload: body, protected: head, signature: tail }),
    "line break inside": `${head}.${body.slice(0, 10)}\n${body.slice(10)}.${tail}`,
    "tab inside": `${head}.${body.slice(0, 10)}\t${body.slice(10)}.${tail}`,
    "space behind": `${good} x`,
    unicode: `${head}.${body}.ü`,
    "encrypted form": `${head}.${body}.${tail}.x.y`,
    garbage: "garbage",
    dots: "...",
    "nothing but dots": "..",
    "trailing bits": `${head}.${body}.${tail.slice(0, -1)}${String.fromCharCode(tail.charCodeAt(tail.length - 1) + 1)}`,
  }))
    add(`plain form ${name}`, token);

  // Times.
  for (const exp of [
    now - 1,
    now + 2,
    0,
    -1,
    1e10,
    1e15,
    1e20,
    1e300,
    1.5,
    now + 100.9,
    String(now + 100),
    "soon",
    "",
    null,
    true,
    [],
    {},
    "1e400",
    "-5",
    "0x10",
  ])
    of("plain", `exp ${JSON.stringify(exp)}`, { exp });
  of("plain", "without exp", { exp: undefined });
  for (const nbf of [now + 30, now + 300, now - 300, 0, null, "5", "never", true, 1e300, {}]) of("plain", `nbf ${JSON.stringify(nbf)}`, { nbf });
  for (const iat of [now + 3600, null, "x", {}, -1]) of("plain", `iat ${JSON.stringify(iat)}`, { iat });
  text("plain", "exp 1e400", '{"iss":"ISS","aud":"api","sub":"a","exp":1e400}');

  // Audiences.
  for (const aud of ["other", ["api"], ["x", "api"], ["x"], [], "", null, 5, [5], { api: 1 }, ["api", 5], "API", ["a\u0000b"]])
    of("plain", `aud ${JSON.stringify(aud)}`, { aud });
  of("plain", "without aud", { aud: undefined });
  for (const aud of ["web", "api", ["x", "web"], "other", [], null, 5, undefined])
    of("multi", `aud ${JSON.stringify(aud)}`, { aud, email: "a@b", uid: "1", tier: "gold" });
  for (const audiences of [
    ["api"],
    ["other"],
    ["https://kubernetes.default.svc.cluster.local"],
    ["https://kubernetes.default.svc.cluster.local", "other"],
    [""],
  ])
    add(`plain asked for ${JSON.stringify(audiences)}`, good, audiences);

  // Issuers.
  for (const iss of [
    address,
    `${address}/plain/`,
    `${address}/PLAIN`,
    "",
    null,
    5,
    [`${address}/plain`],
    `${address}/plain\u0000`,
    "accounts.google.com",
    "__proto__",
  ])
    of("plain", `iss ${JSON.stringify(iss)}`, { iss });
  text("plain", "ISS in capitals", '{"ISS":"ISS","aud":"api","sub":"a","exp":EXP}'.replace('"ISS":', '"IsS":'));
  text("plain", "fields in capitals", '{"iss":"ISS","AUD":"api","sub":"a","Exp":EXP}');
  text("plain", "long s", '{"i\u017fs":"ISS","aud":"api","sub":"a","exp":EXP}');
  text("plain", "sharp s", '{"i\u00df":"ISS","aud":"api","sub":"a","exp":EXP}');
  text("plain", "two issuers, the right one last", '{"iss":"https://x","iss":"ISS","aud":"api","sub":"a","exp":EXP}');
  text("plain", "two issuers, the right one first", '{"iss":"ISS","iss":"https://x","aud":"api","sub":"a","exp":EXP}');
  text("plain", "null after the issuer", '{"iss":"ISS","iss":null,"aud":"api","sub":"a","exp":EXP}');

  // Claims.
  for (const sub of ["", " ", "a:b", "ünïcödé \u{1f600}", "x".repeat(10_000), null, 5, true, [], {}, "system:admin", "\u0000", "a\nb", "\ud800"])
    of("plain", `sub ${JSON.stringify(sub).slice(0, 40)}`, { sub });
  of("plain", "without sub", { sub: undefined });
  for (const groups of [
    "one",
    "",
    ["a", "b"],
    [],
    ["a", ""],
    ["a", null],
    ["a", "a"],
    null,
    5,
    [5],
    ["a", 5],
    { a: 1 },
    [["a"]],
    true,
    ["ünï"],
    Array.from({ length: 1000 }, (_, i) => `g${i}`),
  ])
    of("plain", `groups ${JSON.stringify(groups).slice(0, 60)}`, { groups });
  for (const jti of ["abc", "", 5, null, ["x"], "x".repeat(5000), "ü"]) of("plain", `jti ${JSON.stringify(jti).slice(0, 40)}`, { jti });
  for (const nonce of [5, "x", null]) of("plain", `nonce ${JSON.stringify(nonce)}`, { nonce });
  for (const at_hash of [5, "x"]) of("plain", `at_hash ${JSON.stringify(at_hash)}`, { at_hash });
  text("plain", "sub twice", '{"iss":"ISS","aud":"api","sub":"a","sub":"b","exp":EXP}');
  text("plain", "groups twice", '{"iss":"ISS","aud":"api","sub":"a","groups":["a"],"groups":["b"],"exp":EXP}');
  text("plain", "aud twice", '{"iss":"ISS","aud":"api","aud":"other","sub":"a","exp":EXP}');
  text("plain", "Sub in capitals", '{"iss":"ISS","aud":"api","SUB":"a","exp":EXP}');
  text("plain", "prototype", '{"iss":"ISS","aud":"api","__proto__":{"sub":"a"},"exp":EXP}');
  text("plain", "prototype as groups", '{"iss":"ISS","aud":"api","sub":"__proto__","groups":["__proto__","constructor"],"exp":EXP}');
  text(
    "plain",
    "no UTF-8",
    Buffer.concat([Buffer.from(`{"iss":"${address}/plain","aud":"api","exp":${now + 3600},"sub":"`), Buffer.from([0xff, 0x41]), Buffer.from('"}')]),
  );
  text("plain", "comments", '{"iss":"ISS","aud":"api","sub":"a","exp":EXP} // x');
  text("plain", "two values", '{"iss":"ISS","aud":"api","sub":"a","exp":EXP}{}');
  text("plain", "deep", `{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"x":${"[".repeat(9000)}${"]".repeat(9000)}}`);
  text("plain", "deeper than is read", `{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"x":${"[".repeat(10_001)}${"]".repeat(10_001)}}`);
  text("plain", "large", `{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"x":"${"y".repeat(500_000)}"}`);
  for (const claims of ["null", "[]", "5", '"text"', "", "{", "{}", "true"]) text("plain", `claims ${claims}`, claims);

  // What is required, and e-mail.
  const member = { email: "a@b.c", uid: "u1", tier: "gold" };
  of("multi", "complete", member);
  for (const tier of ["silver", "", null, 5, ["gold"], undefined]) of("multi", `tier ${JSON.stringify(tier)}`, { ...member, tier });
  for (const email_verified of [true, false, null, "true", 1, []])
    of("multi", `email_verified ${JSON.stringify(email_verified)}`, { ...member, email_verified });
  for (const uid of ["", null, 5, undefined, {}]) of("multi", `uid ${JSON.stringify(uid)}`, { ...member, uid });
  for (const email of ["", null, 5, undefined]) of("multi", `email ${JSON.stringify(email)}`, { ...member, email });
  for (const email_verified of [true, false, null, "true", undefined])
    of("mailcel", `email_verified ${JSON.stringify(email_verified)}`, { email: "a@b.c", email_verified });
  for (const who of ["x", "", 5, null, ["x"], { a: 1 }, true, undefined]) of("usertype", `who ${JSON.stringify(who)}`, { who, id: "i" });
  for (const id of ["x", "", 5, null, ["x"], undefined]) of("usertype", `id ${JSON.stringify(id)}`, { who: "w", id });

  // Expressions.
  const person = { user: { name: "bob" }, uid: "7", team: "red", roles: ["dev"] };
  of("cel", "complete", person);
  of("cel", "with an id", { ...person, jti: "j1" });
  for (const change of [
    { user: {} },
    { user: "bob" },
    { user: { name: "" } },
    { user: { name: "system:admin" } },
    { user: null },
    { roles: "one" },
    { roles: ["system:masters"] },
    { roles: undefined },
    { roles: [1] },
    { team: ["a", "b"] },
    { team: null },
    { team: 5 },
    { team: "nobody" },
    { team: undefined },
    { uid: "zero" },
    { uid: 7 },
    { blocked: true },
    { blocked: false },
    { blocked: "no" },
    { exp: now + 100_000 },
    { iat: undefined },
    { iat: "now" },
  ])
    of("cel", `with ${JSON.stringify(change)}`, { ...person, ...change });
  of("lab-list", "numbers beyond doubles", { roles: ["a"] });
  text("lab-list", "a number beyond doubles", '{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"roles":[1e400]}');
  text("lab-keys", "keys twice", '{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"deep":{"a":1,"a":2}}');
  text("lab-expensive", "many", `{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"roles":${JSON.stringify(Array.from({ length: 60 }, () => "r"))}}`);
  text("lab-equal", "deep", `{"iss":"ISS","aud":"api","sub":"a","exp":EXP,"x":${"[".repeat(9000)}${"]".repeat(9000)}}`);

  // Distributed claims.
  const sources = (endpoint: unknown, more: object = {}): object => ({ _claim_names: { groups: "src" }, _claim_sources: { src: { endpoint, ...more } } });
  // Twice: the issuer of the claims is only looked for when it is first met.
  for (const round of ["first", "then"]) of("distributed", `good, ${round}`, sources(`${address}/claims/good`));
  for (const page of ["text", "without", "garbage", "forged", "foreign", "expired", "private", "moved", "nowhere"])
    of("distributed", page, sources(`${address}/claims/${page}`));
  of("distributed", "private with a token", sources(`${address}/claims/private`, { access_token: "f005ba11" }));
  of("distributed", "held here as well", { ...sources(`${address}/claims/good`), groups: ["here"] });
  of("distributed", "aggregated", sources("", { JWT: "x" }));
  for (const endpoint of ["http://127.0.0.1:1/x", "ftp://x", "::", "", null, 5]) of("distributed", `endpoint ${JSON.stringify(endpoint)}`, sources(endpoint));
  for (const claims of [
    { _claim_names: { groups: "src" } },
    { _claim_names: { groups: "src" }, _claim_sources: {} },
    { _claim_names: { groups: "" }, _claim_sources: {} },
    { _claim_names: { other: "src" }, _claim_sources: { src: { endpoint: "x" } } },
    { _claim_names: "groups" },
    { _claim_names: { groups: 5 } },
    { _claim_names: null },
    { _claim_names: { groups: "src" }, _claim_sources: [] },
    { _claim_names: { groups: "src" }, _claim_sources: { src: "x" } },
    { _claim_names: { groups: "src" }, _claim_sources: { src: null } },
    { _claim_names: [] },
  ])
    of("distributed", `claims ${JSON.stringify(claims)}`, claims);

  // Sets of keys.
  for (const issuer of ["plainkeys", "nokid", "hugekeys", "twicekeys", "rotating"]) {
    of(issuer, "without kid", {}, { header: { alg: "RS256" } });
    of(issuer, "unknown kid", {}, { header: { alg: "RS256", kid: "nobody" } });
  }
  of("plainkeys", "by a secret", {}, { alg: "HS256", header: { alg: "HS256", kid: "oct" } });
  of("plainkeys", "ed25519", {}, { key: keys.ed });
  of("plainkeys", "1024 bits", {}, { key: keys.short });
  of("plainkeys", "768 bits", {}, { key: keys.tiny });
  return cases;
}

const labClaims = {
  roles: ["a", "b"],
  more: ["c"],
  role: "solo",
  void: null,
  count: 3,
  numbers: [1, 2],
  mixed: ["a", 1],
  csv: "x,y",
  admin: true,
  deep: { a: { b: { c: ["d"] } }, "x-y": "dash" },
  "deep.er": "dot",
  namespace: "word",
  ключ: "значение",
  Shout: "LOUD",
  who: "who",
  id: "id",
};

/** One token whose signature is made by hand over the payload as it is: RFC 7797. */
export function unencoded(address: string): TokenCase {
  const header = encode({ alg: "RS256", kid: "rsa", b64: false, crit: ["b64"] });
  const claims = JSON.stringify({ iss: `${address}/plain`, aud: "api", sub: "alice", exp: Math.floor(Date.now() / 1000) + 3600 });
  const made = signature("RS256", keys.rsa, Buffer.from(`${header}.${claims}`)).toString("base64url");
  return { name: "plain unencoded payload", token: `${header}.${encode(claims)}.${made}` };
}
