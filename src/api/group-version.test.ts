import assert from "node:assert/strict";
import { test } from "node:test";
import { groupVersionOf, groupVersionText, internalPackage, kindText, parseGroupVersion } from "./group-version.ts";

test("an apiVersion has a group and a version, or a version alone", () => {
  const read = (text: string): [string, string, string] | undefined => {
    const parsed = parseGroupVersion(text);
    return parsed && [parsed.group, parsed.version, groupVersionText(parsed)];
  };
  assert.deepEqual(read("apps/v1"), ["apps", "v1", "apps/v1"]);
  assert.deepEqual(read("v1"), ["", "v1", "v1"]);
  assert.deepEqual(read("/v1"), ["", "v1", "v1"]);
  assert.deepEqual(read("apps/"), ["apps", "", "apps/"]);
  assert.deepEqual(read("/"), ["", "", ""]);
  assert.deepEqual(read(""), ["", "", ""]);
  assert.equal(read("apps/v1/"), undefined);
});

test("what cannot be read says nothing, and kinds are named with an empty group", () => {
  assert.deepEqual(groupVersionOf("a/b/c"), { group: "", version: "" });
  assert.deepEqual([kindText("v1", "Pod"), kindText("apps/v1", "Scale"), kindText()], ["/v1, Kind=Pod", "apps/v1, Kind=Scale", "/, Kind="]);
});

test("a group's internal types are in the package of its first label, events in core", () => {
  const packages = ["", "apps", "rbac.authorization.k8s.io", "events.k8s.io", "internal.apiserver.k8s.io"].map(internalPackage);
  assert.deepEqual(packages, ["core", "apps", "rbac", "core", "apiserverinternal"]);
});
