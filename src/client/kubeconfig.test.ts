import assert from "node:assert/strict";
import test from "node:test";
import { VirtualClock } from "../base/clock.ts";
import type { KubeconfigUser } from "../api/kubeconfig.ts";
import { KubeconfigError, transportOptions } from "./kubeconfig.ts";

const optionsOf = (user: KubeconfigUser) =>
  transportOptions(
    {
      clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443" } }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    },
    { directory: "/", clock: new VirtualClock(0) },
  );

test("whom a user acts as is said whole: groups one a line, and what else is known of it under escaped names", () => {
  const extra = { "example.com/scopes": ["a", "b"], "50%": ["c"] };
  const { headers } = optionsOf({ as: "jane", "as-uid": "1", "as-groups": ["devs", "admins"], "as-user-extra": extra });
  assert.deepEqual(headers, {
    "impersonate-user": "jane",
    "impersonate-uid": "1",
    "impersonate-group": ["devs", "admins"],
    "impersonate-extra-example.com%2Fscopes": ["a", "b"],
    "impersonate-extra-50%25": ["c"],
  });
  assert.equal(optionsOf({}).headers, undefined);
});

test("groups of nobody are refused in upstream's words", () => {
  for (const user of [{ "as-groups": ["devs"] }, { "as-uid": "1" }, { "as-user-extra": { a: ["b"] } }])
    assert.throws(() => optionsOf(user), new KubeconfigError("requesting uid, groups or user-extra for u without impersonating a user"));
});
