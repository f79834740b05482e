import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJSONString } from "../../api/codec/json.ts";
import { systemClock } from "../../base/clock.ts";
import { inSlices, listBody, madeAhead, wholeAtMost } from "./list-body.ts";
import type { Form } from "./negotiate.ts";
import { encodeAs } from "./respond.ts";
import { complete } from "./wire.ts";

const names = Array.from({ length: 10 * wholeAtMost + 7 }, (_, i) => `pod-${i}`);
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
    { media: "cbor", pretty: false },
    { media: "protobuf", pretty: false },
  ] as Form[]) {
    if (what === "tables" && (form.media === "protobuf" || form.media === "cbor")) continue;
    test(`a long list of ${what} in slices is the same ${form.pretty ? "indented " : ""}${form.media} as in one piece`, async () => {
      for (const count of [1, 10, wholeAtMost, names.length]) {
        const some = names.slice(0, count);
        const { body, size } = await listBody(form, shell, key, some, make, systemClock);
        const bytes = await joined(body);
        if (form.media === "protobuf" || bytes.length < madeAhead) assert.equal(size, bytes.length);
        else assert.ok(size >= madeAhead && size <= bytes.length, `${size} of ${bytes.length}`);
        assert.deepEqual(bytes.toString("latin1"), Buffer.from(encodeAs(form, { ...shell, [key]: some.map(make) })).toString("latin1"));
      }
    });
  }

test("a list in protobuf is made from what is stored, and from objects where that is written otherwise", async () => {
  const { shell } = lists.pods;
  const form: Form = { media: "protobuf", pretty: false };
  const expected = Buffer.from(encodeAs(form, { ...shell, items: names.map(pod) }));
  const stored = (name: string): Uint8Array => Buffer.from(encodeJSONString({ kind: "Pod", apiVersion: "v1", ...pod(name) }));
  let made = 0;
  const make = (name: string): object => {
    made++;
    return pod(name);
  };
  assert.deepEqual(await joined((await listBody(form, shell, "items", names, make, systemClock, { textOf: stored })).body), expected);
  assert.equal(made, 0);
  const odd = (name: string): Uint8Array => (name === "pod-0" ? Buffer.from(JSON.stringify(pod(name), null, 1)) : stored(name));
  assert.deepEqual(await joined((await listBody(form, shell, "items", names, make, systemClock, { textOf: odd })).body), expected);
  assert.ok(made > 0 && made < names.length, `${made}`);
});

test("what a list is made of is made when it is taken, where its length is not told before", async () => {
  let made = 0;
  const make = (name: string): object => {
    made++;
    return pod(name);
  };
  const { body } = await listBody({ media: "yaml", pretty: false } as Form, lists.pods.shell, "items", names, make, systemClock);
  const before = made;
  assert.ok(before < names.length, `${before} of ${names.length}`);
  await joined(body);
  assert.equal(made, names.length);
});

test("others have their turn whenever a slice has had its time", async () => {
  const order: number[] = [];
  let turns = 0;
  let ended = false;
  const others = (async () => {
    for (; !ended; turns++) await new Promise((resolve) => setImmediate(resolve));
  })();
  let now = 0;
  const some = names.slice(0, 40);
  const batches = await inSlices(some, { ...systemClock, monotonic: () => now }, (batch) => {
    order.push(turns);
    now += 3;
    return batch;
  });
  ended = true;
  await others;
  assert.deepEqual(batches.flat(), some);
  assert.ok(order.length > 1 && new Set(order).size === order.length, `batches in turns ${order.join()}`);
});
