import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { TransformingStore, type ValueTransformer } from "../../cache/transformer.ts";
import { memoryStore } from "../../store/memory.ts";
import { aesCbc, aesGcm, extendedNonceGcm } from "./aes.ts";
import { encryptionSeries } from "./metrics.ts";
import { identity, PrefixTransformers } from "./prefix.ts";
import { openBox, sealBox, secretbox } from "./secretbox.ts";

const random = seededRandom(1);
const clock = new VirtualClock();
const metrics = new Metrics();
const series = encryptionSeries(metrics, clock, "test");
const context = { key: "/registry/secrets/default/a", resource: "secrets" };
const text = async (transformer: ValueTransformer, stored: Uint8Array, key = context.key): Promise<string> =>
  Buffer.from((await transformer.fromStorage(stored, { ...context, key })).data).toString();
const fails = async (act: () => unknown, message: string): Promise<void> => assert.rejects(async () => act(), { message });

const kinds = { "AES-GCM": aesGcm, "AES-CBC": aesCbc, "AES-GCM with derived keys": extendedNonceGcm, secretbox };
for (const [name, make] of Object.entries(kinds))
  test(`${name} reads what it wrote, of any length, and nothing that was changed or cut`, async () => {
    const transformer = make(random.bytes(32), random);
    for (const length of [0, 1, 15, 16, 17, 31, 64, 65, 1000]) {
      const value = "x".repeat(length);
      assert.equal(await text(transformer, transformer.toStorage(Buffer.from(value), context)), value);
    }
    const stored = Buffer.from(transformer.toStorage(Buffer.from("some value"), context));
    await fails(() => transformer.fromStorage(stored.subarray(0, 11), context), "the stored data was shorter than the required size");
    stored[stored.length - 1] = (stored.at(-1) as number) ^ 1;
    if (name !== "AES-CBC") await assert.rejects(async () => transformer.fromStorage(stored, context));
  });

test("a box is NaCl's own: the example of its paper, sealed and opened", () => {
  const hex = (digits: string): Buffer => Buffer.from(digits, "hex");
  const key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
  const nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
  const message = hex(
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
  );
  const box = sealBox(key, nonce, message);
  assert.equal(box.subarray(0, 32).toString("hex"), "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce");
  assert.deepEqual(openBox(key, nonce, box), message);
});

test("AES-GCM binds a value to the key it is stored under", async () => {
  const transformer = aesGcm(random.bytes(16), random);
  const stored = transformer.toStorage(Buffer.from("v"), context);
  await fails(() => transformer.fromStorage(stored, { ...context, key: "/registry/secrets/default/b" }), "cipher: message authentication failed");
});

test("the first key writes, each reads, and what the first did not write is stale", async () => {
  const [one, two] = [aesGcm(random.bytes(32), random), aesGcm(random.bytes(32), random)];
  const list = (...parts: [string, ValueTransformer][]): PrefixTransformers =>
    new PrefixTransformers(
      parts.map(([prefix, transformer]) => ({ prefix, transformer })),
      "no matching prefix found",
      series,
      clock,
    );
  const before = list(["k1:", one], ["", identity]);
  const rotated = list(["k2:", two], ["k1:", one], ["", identity]);
  const old = before.toStorage(Buffer.from("v"), context);
  assert.deepEqual(await rotated.fromStorage(old, context), { data: Buffer.from("v"), stale: true });
  assert.equal((await rotated.fromStorage(rotated.toStorage(Buffer.from("v"), context), context)).stale, false);
  assert.deepEqual(await rotated.fromStorage(Buffer.from("{}"), context), { data: Buffer.from("{}"), stale: true });
  await fails(() => list(["k2:", two]).fromStorage(old, context), "no matching prefix found");
  assert.match(
    metrics.expose(),
    /transformation_operations_total\{resource="secrets",transformation_type="from_storage",transformer_prefix="unknown",status="unknown-non-grpc"\} 1/,
  );
});

test("a store in front of a store encrypts what a rule names, and hands everything out readable", async () => {
  await using plain = memoryStore({ clock });
  const box = secretbox(random.bytes(32), random);
  const secrets = new PrefixTransformers([{ prefix: "k8s:enc:secretbox:v1:k:", transformer: box }], "no", series, clock);
  let encrypting = true;
  const store = new TransformingStore(plain, {
    resources: [
      { group: "", resource: "secrets" },
      { group: "", resource: "pods" },
    ],
    transformerOf: ({ group, resource }) => (encrypting && (resource === "secrets" || group === "example.com") ? secrets : undefined),
  });
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const events of store.watch("", { fromRevision: 1, signal: stop.signal })) {
      for (const { key, value } of events) seen.push(`${key} ${value ? Buffer.from(value).toString() : "-"}`);
      if (seen.length === 4) stop.abort();
    }
  })();
  const bytes = (value: string): Uint8Array => Buffer.from(value);
  const revision = await store.create("/registry/secrets/default/a", bytes("s"));
  await store.create("/registry/pods/default/p", bytes("p"));
  await store.create("/registry/example.com/things/t", bytes("t"));
  await assert.rejects(store.update("/registry/secrets/default/a", bytes("z"), 77), (error: { current?: { value: Uint8Array } }) => {
    assert.equal(Buffer.from(error.current?.value ?? []).toString(), "s");
    return true;
  });
  await store.delete("/registry/pods/default/p", revision + 1);
  await watching;
  assert.deepEqual(seen, ["/registry/secrets/default/a s", "/registry/pods/default/p p", "/registry/example.com/things/t t", "/registry/pods/default/p -"]);
  assert.match(Buffer.from((await plain.get("/registry/secrets/default/a"))?.value ?? []).toString("latin1"), /^k8s:enc:secretbox:v1:k:/);
  assert.equal(Buffer.from((await store.list("/registry/secrets/")).items[0]?.value ?? []).toString(), "s");
  assert.equal(await store.stale("/registry/secrets/default/a"), false);
  await plain.update("/registry/secrets/default/a", bytes("k8s:enc:other"), revision);
  await fails(() => store.get("/registry/secrets/default/a"), "no");
  await fails(() => store.list("/registry/secrets/"), 'unable to transform key "/registry/secrets/default/a": no');
  encrypting = false;
  await fails(() => store.get("/registry/secrets/default/a"), "identity transformer tried to read encrypted data");
});
