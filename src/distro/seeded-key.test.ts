import assert from "node:assert/strict";
import { test } from "node:test";
import { parseVerificationKeys, signToken, verifySignature } from "../apiserver/authentication/service-account-keys.ts";
import { seededRandom } from "../base/random.ts";
import { seededKey, signDeterministically } from "./seeded-key.ts";

test("signatures are those of RFC 6979, A.2.5", () => {
  const key = 0xc9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721n;
  const signed = (message: string): string => signDeterministically(key, Buffer.from(message)).toString("hex").toUpperCase();
  assert.equal(
    signed("sample"),
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
  );
  assert.equal(
    signed("test"),
    "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
  );
});

test("one seed gives one token, which verifies, and another seed another key", () => {
  const [a, b, c] = [seededKey(seededRandom(7)), seededKey(seededRandom(7)), seededKey(seededRandom(8))];
  const token = signToken({ sub: "a" }, a.signing);
  assert.equal(signToken({ sub: "a" }, b.signing), token);
  assert.notEqual(a.pem, c.pem);
  const [head, claims, signature] = token.split(".");
  const [verification] = parseVerificationKeys(a.pem);
  assert.ok(verification && verifySignature(`${head}.${claims}`, Buffer.from(signature ?? "", "base64url"), verification));
});
