/**
 * Requests per second through the whole pipeline in one process: `node src/apiserver/rest/rest.bench.ts [pods] [rounds]`.
 * Memory store, RBAC, default admission, validation, managed fields; bytes in and out, no sockets.
 */
import { generateKeyPairSync } from "node:crypto";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import { memoryStore } from "../../store/memory.ts";
import { assembleApiServer } from "../assemble.ts";

const pods = Number(process.argv[2] ?? 2000);
const rounds = Number(process.argv[3] ?? 5);
const clock = systemClock;
const store = memoryStore({ clock });
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const assembled = await assembleApiServer({
  clock,
  random: systemRandom,
  logger: silentLogger,
  store,
  serviceAccountKey: key,
  serviceAccountIssuer: "https://kubernetes.default.svc",
});
const user = { name: "bench", groups: ["system:masters", "system:authenticated"] };
const signal = new AbortController().signal;

async function call(method: string, target: string, body?: object, contentType = "application/json"): Promise<ApiResponse> {
  const [path = "", query = ""] = target.split("?");
  const request: ApiRequest = {
    method,
    path,
    query: new URLSearchParams(query),
    headers: { "content-type": contentType, accept: "application/json", "user-agent": "bench/1" },
    ...(body ? { body: Buffer.from(JSON.stringify(body)) } : {}),
    user,
    remoteAddress: "127.0.0.1",
    signal,
  };
  const response = await assembled.server.handler(request);
  if (response.status >= 400) throw new Error(Buffer.from(response.body as Uint8Array).toString());
  return response;
}

async function sizeOf(response: ApiResponse): Promise<number> {
  if (response.body instanceof Uint8Array) return response.body.length;
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) size += chunk.length;
  return size;
}

const root = "/api/v1/namespaces/default/pods";
const pod = (name: string): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: "bench", shard: name.slice(-1) } },
  spec: { containers: [{ name: "c", image: "nginx:1", resources: { requests: { cpu: "10m" } }, ports: [{ containerPort: 80 }] }] },
});
const status = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }] } };

await call("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
const results = new Map<string, number[]>();
async function measure(name: string, count: number, run: (i: number) => Promise<unknown>): Promise<void> {
  const began = clock.monotonic();
  for (let i = 0; i < count; i += 16) await Promise.all(Array.from({ length: Math.min(16, count - i) }, (_, j) => run(i + j)));
  const seconds = (clock.monotonic() - began) / 1000;
  results.set(name, [...(results.get(name) ?? []), count / seconds]);
}
for (let round = 0; round < rounds; round++) {
  await measure("create", pods, (i) => call("POST", root, pod(`p-${i}`)));
  await measure("get", pods * 2, (i) => call("GET", `${root}/p-${i % pods}`));
  await measure("patch status", pods, (i) => call("PATCH", `${root}/p-${i}/status`, status, "application/strategic-merge-patch+json"));
  await measure(`list of ${pods}`, 20, async () => sizeOf(await call("GET", root)));
  await measure("list by label", 20, async () => sizeOf(await call("GET", `${root}?labelSelector=shard=1`)));
  await measure("delete", pods, (i) => call("DELETE", `${root}/p-${i}?gracePeriodSeconds=0`));
}
for (const [name, values] of results) {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] as number;
  const spread = ((sorted.at(-1) as number) - (sorted[0] as number)) / median;
  process.stdout.write(`${name.padEnd(16)} ${median.toFixed(0).padStart(7)}/s  spread ${(spread * 100).toFixed(0)} %\n`);
}
await assembled[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
