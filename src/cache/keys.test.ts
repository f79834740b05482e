import assert from "node:assert/strict";
import { test } from "node:test";
import { storageKey, storagePrefix } from "./keys.ts";

test("keys are where upstream keeps its objects", () => {
  // Read off the etcd of a kube-apiserver 1.36.3.
  assert.equal(storageKey({ group: "", resource: "pods" }, "default", "web"), "/registry/pods/default/web");
  assert.equal(storageKey({ group: "", resource: "nodes" }, "", "n1"), "/registry/minions/n1");
  assert.equal(storageKey({ group: "", resource: "services" }, "default", "kubernetes"), "/registry/services/specs/default/kubernetes");
  assert.equal(storageKey({ group: "", resource: "endpoints" }, "default", "kubernetes"), "/registry/services/endpoints/default/kubernetes");
  assert.equal(storageKey({ group: "", resource: "replicationcontrollers" }, "d", "rc"), "/registry/controllers/d/rc");
  assert.equal(storageKey({ group: "apps", resource: "deployments" }, "d", "web"), "/registry/deployments/d/web");
  assert.equal(storageKey({ group: "networking.k8s.io", resource: "ingresses" }, "d", "i"), "/registry/ingress/d/i");
  assert.equal(storageKey({ group: "rbac.authorization.k8s.io", resource: "clusterroles" }, "", "admin"), "/registry/clusterroles/admin");
  assert.equal(storageKey({ group: "apiregistration.k8s.io", resource: "apiservices" }, "", "v1."), "/registry/apiregistration.k8s.io/apiservices/v1.");
  assert.equal(
    storageKey({ group: "apiextensions.k8s.io", resource: "customresourcedefinitions" }, "", "a.b.c"),
    "/registry/apiextensions.k8s.io/customresourcedefinitions/a.b.c",
  );
  assert.equal(storageKey({ group: "example.com", resource: "widgets" }, "d", "w"), "/registry/example.com/widgets/d/w");
  assert.equal(storagePrefix({ group: "events.k8s.io", resource: "events" }), storagePrefix({ group: "", resource: "events" }));
  assert.equal(storagePrefix({ group: "", resource: "pods" }, "/other"), "/other/pods/");
});
