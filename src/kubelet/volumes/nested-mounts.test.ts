import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { nestedMounts } from "./nested-mounts.ts";

const pod = (...mounts: [name: string, mountPath: string][]): Pod =>
  ({ spec: { containers: [{ volumeMounts: mounts.map(([name, mountPath]) => ({ name, mountPath })) }] } }) as unknown as Pod;

test("what is mounted inside of a volume needs a place there, the outermost alone", () => {
  const mounts = pod(["a", "/dir"], ["b", "/dir/nested"], ["c", "/dir/nested/double"], ["d", "/dir/nested-too"], ["e", "/dir2"], ["f", "/dir/x/y/"]);
  assert.deepEqual(nestedMounts(mounts, "a").sort(), ["nested", "nested-too", "x/y"]);
  assert.deepEqual(nestedMounts(mounts, "e"), []);
  assert.throws(() => nestedMounts(pod(["a", "../up"]), "a"), /invalid container mount point ..\/up/);
});
