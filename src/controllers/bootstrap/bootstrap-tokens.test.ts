import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret } from "../../api/types/core-v1.gen.ts";
import { detachedSignature, lifeLeft, signed, signingTokens } from "./bootstrap-tokens.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const token = (data: Record<string, string>, name = "bootstrap-token-abcdef"): Secret =>
  ({
    metadata: { name },
    type: "bootstrap.kubernetes.io/token",
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
  }) as unknown as Secret;
const good = { "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true" };

test("only a token that says so, under its own name and in its time, signs", () => {
  assert.deepEqual([...signingTokens([token(good)], now)], [["abcdef", "0123456789abcdef"]]);
  const bad = [
    token({ ...good, "usage-bootstrap-signing": "false" }),
    token(good, "bootstrap-token-fedcba"),
    token({ ...good, expiration: "2025-12-31T23:59:59Z" }),
  ];
  assert.equal(signingTokens(bad, now).size, 0);
});

test("a token ends when it says, at once when that cannot be read, never when it says nothing", () => {
  assert.deepEqual(
    [lifeLeft(token({ expiration: "2026-01-01T00:01:00Z" }), now), lifeLeft(token({ expiration: "soon" }), now), lifeLeft(token({}), now)],
    [60_000, 0, undefined],
  );
});

test("cluster-info carries a signature of each token and of no other", () => {
  const tokens = new Map([["abcdef", "0123456789abcdef"]]);
  const data = signed({ kubeconfig: "k", "jws-kubeconfig-gone00": "x" }, tokens);
  assert.deepEqual(data, { kubeconfig: "k", "jws-kubeconfig-abcdef": detachedSignature("k", "abcdef", "0123456789abcdef") });
  assert.equal(signed(data as Record<string, string>, tokens), undefined);
  assert.equal(signed({ other: "k" }, tokens), undefined);
});
