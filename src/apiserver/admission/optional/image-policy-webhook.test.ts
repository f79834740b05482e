import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { KubeObject } from "../../../api/object.ts";
import { type ResourceDef, resourceOf } from "../../../api/schema/schema.ts";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { imagePolicyWebhook, readImagePolicy } from "./image-policy-webhook.ts";

const directory = mkdtempSync(join(tmpdir(), "image-policy-"));
const kubeConfigFile = join(directory, "config");
const reviews: Record<string, unknown>[] = [];
let answer: () => { code?: number; status?: object } = () => ({ status: { allowed: true } });
const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on("end", () => {
    reviews.push(JSON.parse(body) as Record<string, unknown>);
    const { code = 200, status } = answer();
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify({ ...reviews.at(-1), status }));
  });
});
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cluster = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/policy` };
  const context = { name: "x", context: { cluster: "c", user: "u" } };
  writeFileSync(
    kubeConfigFile,
    JSON.stringify({ clusters: [{ name: "c", cluster }], users: [{ name: "u", user: {} }], contexts: [context], "current-context": "x" }),
  );
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

const policy = (more: object = {}) => readImagePolicy(JSON.stringify({ imagePolicy: { kubeConfigFile, retryBackoff: 1, ...more } }));
const notes = new Map<string, string>();
function attributes(image: string, annotations: Record<string, string> = {}, more: object = {}): AdmissionAttributes {
  const object = {
    metadata: { name: "p", namespace: "a", annotations },
    spec: { containers: [{ name: "c", image }], initContainers: [{ name: "i", image: "init" }] },
  };
  return {
    ...{ operation: "CREATE", resource: resourceOf("", "v1", "pods") as ResourceDef, subresource: "", namespace: "a", name: "p" },
    object: object as unknown as KubeObject,
    ...{ user: { name: "jane", groups: [] }, dryRun: false, warn: () => undefined, request: { signal: new AbortController().signal } },
    annotate: (key, value) => void notes.set(key, value),
    ...more,
  };
}

test("images and the annotations that are meant for the webhook are asked about; an answer holds for a while", async () => {
  const plugin = imagePolicyWebhook({ policy: policy(), clock: systemClock, random: seededRandom(1) });
  reviews.length = 0;
  for (let i = 0; i < 2; i++) await plugin.validate?.(attributes("main", { "break.image-policy.k8s.io/glass": "yes", other: "x" }));
  assert.deepEqual(
    reviews.map(({ spec }) => spec),
    [{ containers: [{ image: "main" }, { image: "init" }], annotations: { "break.image-policy.k8s.io/glass": "yes" }, namespace: "a" }],
  );
  assert.equal(plugin.validate?.(attributes("main", {}, { subresource: "status" })), undefined);
});

test("a pod is refused with the reason that is given, and audit hears what the webhook says", async () => {
  const plugin = imagePolicyWebhook({ policy: policy(), clock: systemClock, random: seededRandom(1) });
  answer = () => ({ status: { allowed: false, reason: "not signed", auditAnnotations: { seen: "true" } } });
  await assert.rejects(async () => plugin.validate?.(attributes("bad")), {
    code: 403,
    message: 'pods "p" is forbidden: image policy webhook backend denied one or more images: not signed',
  });
  assert.equal(notes.get("imagepolicywebhook.image-policy.k8s.io/seen"), "true");
  answer = () => ({});
  await assert.rejects(async () => plugin.validate?.(attributes("worse")), {
    message: 'pods "p" is forbidden: one or more images rejected by webhook backend',
  });
});

test("when nobody answers the pod is refused, or admitted with a note where that is wanted", async () => {
  answer = () => ({ code: 500 });
  const closed = imagePolicyWebhook({ policy: policy(), clock: systemClock, random: seededRandom(1) });
  reviews.length = 0;
  await assert.rejects(async () => closed.validate?.(attributes("x")), { code: 403 });
  assert.equal(reviews.length, 5);
  const open = imagePolicyWebhook({ policy: policy({ defaultAllow: true }), clock: systemClock, random: seededRandom(1) });
  const admitted = attributes("x");
  await open.validate?.(admitted);
  assert.equal(notes.get("imagepolicywebhook.image-policy.k8s.io/failed-open"), "true");
});

test("times out of bounds and configurations without a webhook are refused", () => {
  assert.throws(() => policy({ allowTTL: 5000 }), { message: "valid value is between 1s and 30m0s, got 1h23m20s" });
  assert.deepEqual([policy({ denyTTL: -1 }).denyTTL, policy().denyTTL, policy({ denyTTL: 60 }).denyTTL], [0, 30_000, 60_000]);
  assert.throws(() => readImagePolicy("imagePolicy: {kubeConfigFile: /none}"), /stat \/none: no such file/);
  assert.throws(() => imagePolicyWebhook({ policy: undefined, clock: systemClock, random: seededRandom(1) }), /has no configuration/);
});
