import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { batchSize, inSlices, listBody } from "./list-body.ts";
import type { Form } from "./negotiate.ts";
import { encodeAs } from "./respond.ts";
import { complete } from "./wire.ts";

const names = Array.from({ length: 2 * batchSize + 7 }, (_, i) => `pod-${i}`);
const metadata = { resourceVersion: "7", continue: "abc", remainingItemCount: 3 };

const pod = (name: string): object => {
  const spec = { containers: [{ name: "c", image: "nginx:1", command: ["sh", "-c", `echo ${"a word and another <one>, ".repeat(8)}\nöäü`] }] };
  const {
    kind: _kind,
    apiVersion: _apiVersion,
    ...bare
  } = complete("v1", "Pod", {
    metadata: { name, namespace: "default", labels: { "10": "a", "9": "b" } },
    spec,
    status: { phase: "Running" },
  }) as { kind?: string; apiVersion?: string };
  return bare;
};
const lists = {
  pods: { shell: { kind: "PodList", apiVersion: "v1", metadata }, key: "items", make: pod },
  metadata: {
    shell: { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata },
    key: "items",
    make: (name: string) => ({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: { name, creationTimestamp: "2026-01-01T00:00:00Z" } }),
  },
  tables: {
    shell: {
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      metadata,
      columnDefinitions: [{ name: "Name", type: "string", format: "name", description: "", priority: 0 }],
    },
    key: "rows",
    make: (name: string) => ({ cells: [name, 1, null], object: null }),
  },
} as const;

async function joined(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

for (const [what, { shell, key, make }] of Object.entries(lists))
  for (const form of [
    { media: "json", pretty: false },
    { media: "json", pretty: true },
    { media: "yaml", pretty: false },
    { media: "protobuf", pretty: false },
  ] as Form[]) {
    if (what === "tables" && form.media === "protobuf") continue;
    test(`a long list of ${what} in slices is the same ${form.pretty ? "indented " : ""}${form.media} as in one piece`, async () => {
      for (const count of [1, batchSize, names.length]) {
        const some = names.slice(0, count);
        const { body, size } = await listBody(form, shell, key, some, make, systemClock);
        const bytes = await joined(body);
        assert.equal(bytes.length, size);
        assert.deepEqual(bytes.toString("latin1"), Buffer.from(encodeAs(form, { ...shell, [key]: some.map(make) })).toString("latin1"));
      }
    });
  }

test("a slice that took too long lets others have their turn before the next", async () => {
  const order: string[] = [];
  const other = new Promise<void>((resolve) =>
    setImmediate(() => {
      order.push("another");
      resolve();
    }),
  );
  let now = 0;
  await inSlices(names, { ...systemClock, monotonic: () => now }, (batch, at) => {
    order.push(`${at}+${batch.length}`);
    now += at === 0 ? 9 : 1;
  });
  await other;
  assert.deepEqual(order, [`0+${batchSize}`, "another", `${batchSize}+${batchSize}`, `${2 * batchSize}+7`]);
});
