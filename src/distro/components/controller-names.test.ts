import assert from "node:assert/strict";
import { test } from "node:test";
import { selectControllers } from "./controller-names.ts";

test("a star is every controller that is on by default", () => {
  const all = selectControllers(["*"]);
  assert.ok(all.includes("deployment-controller") && all.includes("ttl-controller"));
  assert.ok(!all.includes("bootstrap-signer-controller") && !all.includes("token-cleaner-controller"));
});

test("kubeadm's selection adds the two that are off, by their names of old", () => {
  const all = selectControllers(["*", "bootstrapsigner", "tokencleaner"]);
  assert.ok(all.includes("bootstrap-signer-controller") && all.includes("token-cleaner-controller"));
});

test("the first word about a controller counts", () => {
  assert.ok(!selectControllers(["*", "-ttl-controller", "ttl-controller"]).includes("ttl-controller"));
  assert.deepEqual(selectControllers(["ttl", "-ttl-controller"]), ["ttl-controller"]);
  assert.deepEqual(selectControllers(["-ttl-controller"]), []);
});

test("what does not exist is named; leaving out what does not exist here is no mistake", () => {
  assert.throws(() => selectControllers(["deploment"]), /"deploment" is not in the list of known controllers/);
  assert.throws(() => selectControllers(["selinux-warning-controller"]), /does not exist here yet/);
  assert.deepEqual(selectControllers(["ttl-controller", "-service"]), ["ttl-controller"]);
});
