/** What is remembered of tokens, and for how long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { type TokenAnswer, TokenError } from "./authenticator.ts";
import { cachedTokenAuthenticator } from "./token-cache.ts";
import { unionTokenAuthenticator } from "./union.ts";

const alice: TokenAnswer = { user: { name: "alice", groups: [] }, audiences: ["api"] };
const says = (answer: TokenAnswer | TokenError, later = false) => ({
  asked: 0,
  authenticateToken(): TokenAnswer | Promise<TokenAnswer> {
    this.asked++;
    if (answer instanceof TokenError) {
      if (later) return Promise.reject(answer);
      throw answer;
    }
    return later ? Promise.resolve(answer) : answer;
  },
});

test("a token that needs nobody else is judged at once, and once in its time", async () => {
  const clock = new VirtualClock();
  const inner = says(alice);
  const cached = cachedTokenAuthenticator(inner, { clock });
  assert.equal(cached.authenticateToken("t", ["api"]), alice);
  assert.equal(cached.authenticateToken("t", ["api"]), alice);
  assert.equal(inner.asked, 1);
  cached.authenticateToken("t", ["other"]);
  assert.equal(inner.asked, 2);
  await clock.advance(10_001);
  cached.authenticateToken("t", ["api"]);
  assert.equal(inner.asked, 3);
});

test("nobody is remembered where that is wanted, an error never", async () => {
  const clock = new VirtualClock();
  const nobody = says(undefined, true);
  const cached = cachedTokenAuthenticator(nobody, { clock, failureTtlMs: 1000 });
  assert.equal(await cached.authenticateToken("t", []), undefined);
  assert.equal(cached.authenticateToken("t", []), undefined);
  assert.equal(nobody.asked, 1);
  const broken = says(new TokenError("no"), true);
  const failing = cachedTokenAuthenticator(broken, { clock, failureTtlMs: 1000 });
  for (const _ of [1, 2]) await assert.rejects(async () => failing.authenticateToken("t", []), { message: "no" });
  assert.equal(broken.asked, 2);
});

test("those who ask at the same time share one answer, and do not wait for ever", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const silent = {
    authenticateToken() {
      asked++;
      return new Promise<TokenAnswer>(() => undefined);
    },
  };
  const cached = cachedTokenAuthenticator(silent, { clock });
  const both = [cached.authenticateToken("t", []), cached.authenticateToken("t", [])];
  const ended = Promise.allSettled(both);
  await clock.advance(30_000);
  for (const one of await ended) assert.equal(one.status === "rejected" && (one.reason as Error).message, "context deadline exceeded");
  assert.equal(asked, 1);
});

test("a union asks on after a refusal, unless the first one decides", async () => {
  const refusing = says(new TokenError("no"), true);
  assert.equal(await unionTokenAuthenticator([refusing, says(alice)]).authenticateToken("t", []), alice);
  await assert.rejects(async () => unionTokenAuthenticator([refusing, says(alice)], true).authenticateToken("t", []), { message: "no" });
  await assert.rejects(async () => unionTokenAuthenticator([refusing, says(new TokenError("nor I"))]).authenticateToken("t", []), { message: "[no, nor I]" });
  assert.equal(unionTokenAuthenticator([says(undefined), says(alice)]).authenticateToken("t", []), alice);
});
