import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceClass } from "../types/resource-v1.gen.ts";
import { classesByResource, mayBeDevices } from "./extended-resource.ts";

const made = (name: string, extendedResourceName?: string, creationTimestamp = "2026-01-01T00:00:00Z"): DeviceClass => ({
  metadata: { name, creationTimestamp } as DeviceClass["metadata"],
  spec: extendedResourceName === undefined ? {} : { extendedResourceName },
});
const names = (...classes: DeviceClass[]): Record<string, string> =>
  Object.fromEntries([...classesByResource(classes)].map(([resource, { metadata }]) => [resource, metadata.name]));

test("a class stands behind a resource of its own name, and behind the one that it chooses", () => {
  assert.deepEqual(names(made("a"), made("b", "example.com/gpu")), {
    "deviceclass.resource.kubernetes.io/a": "a",
    "deviceclass.resource.kubernetes.io/b": "b",
    "example.com/gpu": "b",
  });
});

test("of classes that choose the same resource the newest counts, of equals the first by name, in whatever order they come", () => {
  const [old, b, a] = [
    made("old", "example.com/gpu"),
    made("b", "example.com/gpu", "2026-01-02T00:00:00Z"),
    made("a", "example.com/gpu", "2026-01-02T00:00:00Z"),
  ];
  for (const order of [
    [old, b, a],
    [a, old, b],
    [b, a, old],
  ])
    assert.equal(names(...order)["example.com/gpu"], "a");
  assert.equal(names(old, b)["example.com/gpu"], "b");
});

test("devices may stand behind what is extended and what names a class, not behind Kubernetes' own", () => {
  assert.deepEqual(["example.com/gpu", "deviceclass.resource.kubernetes.io/a", "cpu", "hugepages-2Mi", "kubernetes.io/x"].map(mayBeDevices), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
