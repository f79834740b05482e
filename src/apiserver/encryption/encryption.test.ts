import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { implement, serveGrpc } from "../../base/grpc/server.ts";
import { settle, systemClock, VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { Metrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { Encryption } from "./encryption.ts";
import { KmsProbe } from "./kms-probe.ts";
import { kms } from "./kms-service.ts";
import { encryptionSeries } from "./metrics.ts";

const directory = mkdtempSync(join(tmpdir(), "encryption-"));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, "encryption.yaml");
const random = seededRandom(3);
const secret = (length: number): string => Buffer.from(random.bytes(length)).toString("base64");
const logger = silentLogger;
const context = { key: "/registry/secrets/default/a", resource: "secrets" };
const secrets = { group: "", resource: "secrets" };
const written = (...resources: object[]): void =>
  writeFileSync(file, JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "EncryptionConfiguration", resources }));
const open = (metrics = new Metrics(), reload = false): Promise<Encryption> =>
  Encryption.open({ file, reload, random, logger, clock: systemClock, series: encryptionSeries(metrics, systemClock, "x") });
const aes = (name: string, key: string): object => ({ aesgcm: { keys: [{ name, secret: key }] } });

test("rules decide by resource, by group and for all, in this order", async () => {
  const key = secret(32);
  written(
    { resources: ["events"], providers: [{ identity: {} }] },
    { resources: ["secrets", "*.apps"], providers: [aes("a", key)] },
    { resources: ["*.*"], providers: [aes("rest", key)] },
  );
  await using encryption = await open();
  const prefix = (group: string, resource: string): string =>
    Buffer.from(encryption.transformerOf({ group, resource })?.toStorage(Buffer.from("{}"), context) ?? [])
      .toString("latin1")
      .replace(/(v1:\w+:|\{\}).*/s, "$1");
  assert.equal(prefix("", "events"), "{}");
  assert.equal(prefix("", "secrets"), "k8s:enc:aesgcm:v1:a:");
  assert.equal(prefix("apps", "deployments"), "k8s:enc:aesgcm:v1:a:");
  assert.equal(prefix("example.com", "things"), "k8s:enc:aesgcm:v1:rest:");
  assert.deepEqual(encryption.checks(), []);
});

test("a wrong file is refused in upstream's words", async () => {
  const says = async (message: string): Promise<void> => assert.rejects(open(), { name: "ConfigurationError", message });
  const head = `error while parsing file: error decoding encryption provider configuration file "${file}": `;
  writeFileSync(file, "");
  await says(`error while parsing file: error while loading file: encryption provider configuration file "${file}" is empty`);
  written({ resources: ["secrets"], bar: 1 });
  await says(`${head}strict decoding error: unknown field "resources[0].bar"`);
  written({ resources: ["secrets"], providers: [{ kms: { name: 7 } }] });
  await says(`${head}json: cannot unmarshal number into Go struct field KMSConfiguration.resources.providers.kms.name of type string`);
  written({ resources: ["*.*"], providers: [{ identity: {} }] }, { resources: ["secrets"], providers: [{ identity: {} }] });
  await says('error while building transformers: resource "secrets" is masked by earlier rule "*.*"');
  written({ resources: ["secrets"], providers: [{ aescbc: { keys: [{ name: "a", secret: "eHg=" }] } }] });
  await says(
    'error while parsing file: resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 2, expected one of [16 24 32]',
  );
  written({ resources: ["secrets"], providers: [{ kms: { name: "x", endpoint: "unix:///x" } }] });
  await assert.rejects(open(), /^ConfigurationError: error while building transformers: KMSv1 is deprecated/);
});

test("a changed file takes effect, a wrong one does not", async () => {
  const [one, two] = [aes("one", secret(32)), aes("two", secret(32))];
  const metrics = new Metrics();
  written({ resources: ["secrets"], providers: [one] });
  await using encryption = await open(metrics, true);
  const stored = encryption.transformerOf(secrets)?.toStorage(Buffer.from("v"), context) as Uint8Array;
  written({ resources: ["secrets"], providers: [two, one] });
  await encryption.refresh();
  assert.deepEqual(await encryption.transformerOf(secrets)?.fromStorage(stored, context), { data: Buffer.from("v"), stale: true });
  writeFileSync(file, "nonsense");
  await encryption.refresh();
  assert.deepEqual((await encryption.transformerOf(secrets)?.fromStorage(stored, context))?.stale, true);
  assert.equal(encryption.checks()[0]?.name, "kms-providers");
  assert.match(metrics.expose(), /automatic_reloads_total\{status="failure",.*\} 1/);
  assert.match(metrics.expose(), /automatic_reloads_total\{status="success",.*\} 1/);
});

test("a KMS plugin is asked once for many values; the health check says when it is gone", async () => {
  const path = join(directory, "kms.sock");
  let decrypted = 0;
  let healthz = "ok";
  const plugin = await serveGrpc(
    path,
    implement(kms, {
      Status: async () => ({ version: "v2", healthz, keyId: "key-1" }),
      Encrypt: async ({ plaintext }) => ({ ciphertext: Buffer.from(plaintext).reverse(), keyId: "key-1", annotations: { "a.example.com": Buffer.from("1") } }),
      Decrypt: async ({ ciphertext }) => {
        decrypted++;
        return { plaintext: Buffer.from(ciphertext).reverse() };
      },
    }),
  );
  written({ resources: ["secrets"], providers: [{ kms: { apiVersion: "v2", name: "plug", endpoint: `unix://${path}` } }] });
  const values: Uint8Array[] = [];
  {
    await using writer = await open();
    for (let i = 0; i < 5; i++) values.push(writer.transformerOf(secrets)?.toStorage(Buffer.from(`v${i}`), context) as Uint8Array);
    assert.match(Buffer.from(values[0] as Uint8Array).toString("latin1"), /^k8s:enc:kms:v2:plug:/);
  }
  healthz = "ill";
  {
    await using ill = await open();
    assert.match(String(await ill.checks()[0]?.check()), /got unexpected healthz status: ill/);
  }
  healthz = "ok";
  await using reader = await open();
  for (const [i, value] of values.entries())
    assert.deepEqual(await reader.transformerOf(secrets)?.fromStorage(value, context), { data: Buffer.from(`v${i}`), stale: false });
  assert.equal(decrypted, 1);
  assert.equal(await reader.checks()[0]?.check(), undefined);
  await plugin[Symbol.asyncDispose]();
});

test("a plugin's new key makes a new seed; while it is ill the old one serves for three minutes", async () => {
  const clock = new VirtualClock();
  let keyId = "key-1";
  let encrypts = 0;
  const service = {
    status: async () => ({ version: "v2", healthz: "ok", keyId }),
    encrypt: async () => {
      encrypts++;
      return { ciphertext: Buffer.from("seed"), keyId: "key-1", annotations: {} };
    },
  };
  const probe = new KmsProbe({ name: "plug", service, clock, random, logger, series: encryptionSeries(new Metrics(), clock, "x") });
  assert.throws(() => probe.writeKey(), /unexpected nil transformer/);
  await probe.check();
  const { expires } = probe.writeKey();
  assert.equal(expires, clock.now() + 180_000);
  await clock.advance(30_000);
  await probe.check();
  assert.equal(encrypts, 1);
  assert.equal(probe.writeKey().expires, expires + 30_000);
  keyId = "key-2";
  await clock.advance(30_000);
  await assert.rejects(probe.check(), /failed to rotate DEK uid=.*errState=<nil>, errGen=<nil>/);
  assert.equal(probe.writeKey().expires, expires + 30_000);
  await settle();
});
