import assert from "node:assert/strict";
import { test } from "node:test";
import { selectControllers } from "./controller-names.ts";

const tokens = "serviceaccount-token-controller";
const others = (patterns: string[]): string[] => selectControllers(patterns).filter((name) => name !== tokens);

test("the controller of tokens always runs, as upstream's does", () => {
  assert.deepEqual(selectControllers([`-${tokens}`]), [tokens]);
});

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
  assert.deepEqual(others(["ttl", "-ttl-controller"]), ["ttl-controller"]);
  assert.deepEqual(others(["-ttl-controller"]), []);
});

test("what does not exist is named; leaving out what does not exist here is no mistake", () => {
  assert.throws(() => selectControllers(["deploment"]), /"deploment" is not in the list of known controllers/);
  assert.throws(() => selectControllers(["selinux-warning-controller"]), /does not exist here yet/);
  assert.deepEqual(others(["ttl-controller", "-service"]), ["ttl-controller"]);
});

test("what stands behind a feature runs only where that is on, and is no mistake elsewhere", () => {
  const name = "kube-apiserver-serving-clustertrustbundle-publisher-controller";
  assert.deepEqual(others([name]), []);
  assert.ok(!selectControllers(["*"]).includes(name));
  assert.ok(selectControllers(["*"], (gate) => gate === "ClusterTrustBundle").includes(name));
});
