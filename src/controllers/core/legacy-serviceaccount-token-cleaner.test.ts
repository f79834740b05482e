import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTime } from "../../api/time.ts";
import type { Secret, ServiceAccount } from "../../api/types/core-v1.gen.ts";
import { type Around, verdict } from "./legacy-serviceaccount-token-cleaner.ts";

const now = parseTime("2026-06-15T12:00:00Z");
const period = 30 * 24 * 3600 * 1000;
const account = { metadata: { name: "app", uid: "u" }, secrets: [{ name: "token" }] } as unknown as ServiceAccount;
const around: Around = { account: (name) => (name === "app" ? account : undefined), used: () => new Set(["mounted"]) };

const secret = (labels: Record<string, string> = {}, metadata: object = {}, type = "kubernetes.io/service-account-token"): Secret =>
  ({
    type,
    metadata: {
      name: "token",
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "kubernetes.io/service-account.name": "app", "kubernetes.io/service-account.uid": "u" },
      labels,
      ...metadata,
    },
  }) as unknown as Secret;
const judge = (one: Secret, surroundings = around): string => verdict(one, surroundings, now, period);
const used = "kubernetes.io/legacy-token-last-used";
const invalid = "kubernetes.io/legacy-token-invalid-since";

test("a token that nobody uses is marked first, and deleted as long after that", () => {
  assert.equal(judge(secret()), "invalidate");
  assert.equal(judge(secret({ [invalid]: "not a day" })), "invalidate");
  assert.equal(judge(secret({ [invalid]: "2026-06-01" })), "keep");
  assert.equal(judge(secret({ [invalid]: "2026-05-01" })), "delete");
  assert.equal(judge(secret({ [used]: "2026-05-01" })), "invalidate");
});

test("a token in use is kept, and one whose use cannot be read", () => {
  assert.equal(judge(secret({ [used]: "2026-06-10" })), "keep");
  assert.equal(judge(secret({ [used]: "yesterday" })), "keep");
  assert.equal(judge(secret({}, { creationTimestamp: "2026-06-01T00:00:00Z" })), "keep");
  assert.equal(judge(secret(), { ...around, used: () => new Set(["token"]) }), "keep");
});

test("what was made by hand, or for an account that is gone, is not touched", () => {
  assert.equal(judge(secret({}, { name: "by-hand" })), "keep");
  assert.equal(judge(secret({}, { annotations: { "kubernetes.io/service-account.name": "gone" } })), "keep");
  assert.equal(judge(secret({}, { annotations: { "kubernetes.io/service-account.name": "app", "kubernetes.io/service-account.uid": "v" } })), "keep");
  assert.equal(judge(secret({}, {}, "Opaque")), "keep");
});
