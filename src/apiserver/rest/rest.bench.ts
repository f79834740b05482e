/**
 * Requests through the whole pipeline in one process: `node src/apiserver/rest/rest.bench.ts [pods] [rounds]`. Per second;
 * processor time each, of all threads, in the best round; collections of the young generation and of everything in a round,
 * which do not depend on what else the machine does (with the flags that the launcher `k8ts` gives to V8).
 * Memory store, RBAC, default admission, validation, managed fields; bytes in and out, no sockets.
 */
import { generateKeyPairSync } from "node:crypto";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { cpuUsage } from "node:process";
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
const results = new Map<string, { rate: number; micros: number; young: number; full: number }[]>();
const collected = new Map<number, number>();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as PerformanceEntry & { detail: { kind: number } }).detail;
    collected.set(kind, (collected.get(kind) ?? 0) + 1);
  }
}).observe({ entryTypes: ["gc"] });
async function measure(name: string, count: number, run: (i: number) => Promise<unknown>): Promise<void> {
  await clock.sleep(20);
  collected.clear();
  const before = cpuUsage();
  const began = clock.monotonic();
  for (let i = 0; i < count; i += 16) await Promise.all(Array.from({ length: Math.min(16, count - i) }, (_, j) => run(i + j)));
  const seconds = (clock.monotonic() - began) / 1000;
  const { user, system } = cpuUsage(before);
  await clock.sleep(20);
  const young = collected.get(constants.NODE_PERFORMANCE_GC_MINOR) ?? 0;
  const full = collected.get(constants.NODE_PERFORMANCE_GC_MAJOR) ?? 0;
  results.set(name, [...(results.get(name) ?? []), { rate: count / seconds, micros: (user + system) / count, young, full }]);
}
for (let round = 0; round < rounds; round++) {
  await measure("create", pods, (i) => call("POST", root, pod(`p-${i}`)));
  await measure("get", pods * 2, (i) => call("GET", `${root}/p-${i % pods}`));
  await measure("patch status", pods, (i) => call("PATCH", `${root}/p-${i}/status`, status, "application/strategic-merge-patch+json"));
  await measure(`list of ${pods}`, 20, async () => sizeOf(await call("GET", root)));
  await measure("list by label", 20, async () => sizeOf(await call("GET", `${root}?labelSelector=shard=1`)));
  await measure("delete", pods, (i) => call("DELETE", `${root}/p-${i}?gracePeriodSeconds=0`));
}
const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] as number;
for (const [name, all] of results) {
  const best = Math.min(...all.map(({ micros }) => micros)).toFixed(0);
  const [rate, young, full] = (["rate", "young", "full"] as const).map((of) => middle(all.map((round) => round[of])).toFixed(0));
  process.stdout.write(`${name.padEnd(16)} ${rate?.padStart(7)}/s  ${best.padStart(6)} us  collections: ${young} young, ${full} full\n`);
}
await assembled[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
