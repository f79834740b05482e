import assert from "node:assert/strict";
import { test } from "node:test";
import { bundleName } from "./clustertrustbundle-publisher.ts";

test("a bundle is named after its signer and what is in it", () => {
  assert.equal(bundleName("example.com/x", "abc"), "example.com:x:ba7816bf8f01cfea414140de");
  assert.notEqual(bundleName("example.com/x", "abd"), bundleName("example.com/x", "abc"));
});
