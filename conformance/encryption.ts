/**
 * Values that upstream's kube-apiserver encrypted, read by us, and ours by it: each provider, with one KMS v2 plugin for both.
 * Then both start while their plugin is down, and after a while it comes back.
 *
 * Usage: node conformance/encryption.ts [--bin DIR] [--port P]
 *   --bin   kube-apiserver, etcd and etcdctl, see conformance/build.ts
 *   --port  the first of eight free ports
 * Exits 1 where a value could not be read, or was read as something else, and where the two answer differently.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { Encryption } from "../src/apiserver/encryption/encryption.ts";
import { encryptionSeries } from "../src/apiserver/encryption/metrics.ts";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { Metrics } from "../src/base/metrics.ts";
import { systemRandom } from "../src/base/random.ts";
import { send } from "./differential/exchange.ts";
import { startPair } from "./differential/servers.ts";
import { startPlugin } from "./encryption/plugin.ts";
import { withoutPlugin } from "./encryption/without-plugin.ts";

const { values } = parseArgs({ options: { bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" }, port: { type: "string", default: "22480" } } });
const port = Number(values.port);
using directory = temporaryDirectory();
const file = join(directory.path, "encryption.yaml");
const socket = join(directory.path, "kms.sock");

const secret = (length: number): string => randomBytes(length).toString("base64");
const keys = (length: number): object => ({ keys: [{ name: "key1", secret: secret(length) }] });
const cases = [
  { group: "", version: "v1", resource: "secrets", kind: "Secret", provider: { aesgcm: keys(32) } },
  { group: "", version: "v1", resource: "configmaps", kind: "ConfigMap", provider: { aescbc: keys(32) } },
  { group: "", version: "v1", resource: "serviceaccounts", kind: "ServiceAccount", provider: { aesgcm: keys(16) } },
  {
    group: "apps",
    version: "v1",
    resource: "controllerrevisions",
    kind: "ControllerRevision",
    provider: { secretbox: keys(32) },
    extra: { revision: 1, data: { a: 1 } },
  },
  {
    group: "coordination.k8s.io",
    version: "v1",
    resource: "leases",
    kind: "Lease",
    provider: { kms: { apiVersion: "v2", name: "plugin", endpoint: `unix://${socket}` } },
  },
];
writeFileSync(
  file,
  JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: cases.map(({ group, resource, provider }) => ({ resources: [group ? `${resource}.${group}` : resource], providers: [provider] })),
  }),
);

await using _plugin = await startPlugin(socket, randomBytes(32));
await using encryption = await Encryption.open({
  file,
  reload: false,
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  series: encryptionSeries(new Metrics(), systemClock, "conformance"),
});
await using pair = await startPair({
  bin: values.bin,
  port,
  peerFlags: [`--encryption-provider-config=${file}`, "--storage-media-type=application/json"],
});
const etcdctl = (args: string[], input?: Uint8Array): Buffer =>
  execFileSync(join(values.bin, "etcdctl"), [`--endpoints=127.0.0.1:${port + 2}`, ...args], input ? { input } : {});

let failed = 0;
for (const { group, version, resource, kind, provider, extra = {} } of cases) {
  const says = (ok: boolean, what: string): void => {
    if (!ok) failed++;
    process.stdout.write(`${ok ? "ok  " : "FAIL"} ${resource} (${Object.keys(provider).join()}): ${what}\n`);
  };
  const apiVersion = group ? `${group}/${version}` : version;
  const path = `/${group ? `apis/${apiVersion}` : `api/${version}`}/namespaces/default/${resource}`;
  const made = await send(pair.peer, { method: "POST", path, body: { apiVersion, kind, metadata: { name: "exchanged" }, ...extra } });
  const key = `/registry/${resource}/default/exchanged`;
  const stored = etcdctl(["get", key, "--print-value-only"]).subarray(0, -1);
  says(made.code === 201 && stored.toString("latin1").startsWith("k8s:enc:"), "upstream encrypts it");
  const transformer = encryption.transformerOf({ group, resource });
  if (!transformer) throw new Error(`no rule for ${resource}`);
  const context = { key, resource };
  const read = await transformer.fromStorage(stored, context);
  const object = JSON.parse(Buffer.from(read.data).toString()) as { kind: string; metadata: { name: string; labels?: object } };
  says(object.kind === kind && object.metadata.name === "exchanged" && !read.stale, "we read it");
  object.metadata.labels = { by: "k8ts" };
  etcdctl(["put", key], transformer.toStorage(Buffer.from(JSON.stringify(object)), context));
  const { body } = await send(pair.peer, { method: "GET", path: `${path}/exchanged` });
  says((body as typeof object).metadata?.labels !== undefined, "upstream reads ours");
}
for (const { name, differences } of await withoutPlugin({ bin: values.bin, port: port + 4 })) {
  if (differences.length) failed++;
  process.stdout.write(`${differences.length ? "FAIL" : "ok  "} ${[name, ...differences].join("\n     ")}\n`);
}
process.exitCode = failed ? 1 : 0;

function temporaryDirectory(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "encryption-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
