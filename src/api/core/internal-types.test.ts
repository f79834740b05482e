import assert from "node:assert/strict";
import { test } from "node:test";
import { internalForm } from "./internal-types.ts";

test("a claim's template bears its metadata's own names, beside its specification", () => {
  const volumes = [{ name: "v", ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: "b" } }, spec: { accessModes: ["ReadWriteOnce"] } } } }];
  const { Volumes } = internalForm("PodSpec", { volumes }) as { Volumes: { Ephemeral: { VolumeClaimTemplate: Record<string, unknown> } }[] };
  const template = Volumes[0]?.Ephemeral.VolumeClaimTemplate ?? {};
  assert.deepEqual(Object.keys(template), ["labels", "Spec"]);
  assert.deepEqual(template.labels, { a: "b" });
});
