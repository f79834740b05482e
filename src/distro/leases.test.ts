import assert from "node:assert/strict";
import { test } from "node:test";
import { abandonedLeases } from "./leases.ts";

const listing = `ID             CREATED AT           LABELS
276463540-Y8yX 2026-11-21T23:14:16Z containerd.io/gc.expire=2026-11-22T23:14:16Z
900000000-xYY5 2026-11-21T23:14:16Z containerd.io/gc.expire=2026-11-22T23:14:16Z
100000000-abcd 2026-11-21T23:14:10Z -
kept           2026-11-21T23:14:10Z containerd.io/gc.expire=2026-11-22T23:14:10Z
`;

test("leases of requests before a moment are told from later ones, from those without an end, and from those that somebody has named", () => {
  assert.deepEqual(abandonedLeases(listing, Date.parse("2026-11-21T23:14:16.5Z")), ["276463540-Y8yX"]);
  assert.deepEqual(abandonedLeases(listing, Date.parse("2026-11-21T23:14:10Z")), []);
  assert.deepEqual(abandonedLeases("", 0), []);
});
