import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Readable } from "node:stream";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { type CriClient, CriError } from "../../cri/client.ts";
import { checkpoint } from "./checkpoint.ts";
import { subresourcesOf, verbOf } from "./access.ts";
import { nodeLogs } from "./node-logs.ts";
import { isDebugging, parseRoute } from "./routes.ts";

test("log files are listed and served, and nothing outside of their directory is", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "logs-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "log/pods"), { recursive: true });
  writeFileSync(join(root, "log/sys<log"), "lines\n");
  writeFileSync(join(root, "secret"), "no\n");
  symlinkSync("../secret", join(root, "log/out"));
  const at = (path: string) => nodeLogs(join(root, "log"), path);
  assert.match((await at("/logs/")).body as string, /<a href="pods\/">pods\/<\/a>\n<a href="sys%3Clog">sys&lt;log<\/a>/);
  assert.equal(await text((await at("/logs/sys<log")).body as Readable), "lines\n");
  assert.deepEqual(await at("/logs/pods"), { status: 301, headers: { location: "pods/" } });
  for (const path of ["/logs/out", "/logs/../secret", "/logs/../../secret", "/logs/absent", "/logs/sys<log/x"])
    await assert.rejects(async () => {
      const { body } = await at(path);
      assert.notEqual(await text(body as Readable), "no\n");
    }, path);
});

test("each path of the kubelet's API is the subresource of nodes that upstream asks for", () => {
  const expected: Record<string, string[]> = {
    "/stats/summary": ["stats"],
    "/metrics/cadvisor": ["metrics"],
    "/logs/syslog": ["log"],
    "/checkpoint/a/b/c": ["checkpoint"],
    "/statusz": ["statusz"],
    "/flagz": ["configz"],
    "/healthz/ping": ["healthz", "proxy"],
    "/configz": ["configz", "proxy"],
    "/pods": ["pods", "proxy"],
    "/runningpods/": ["pods", "proxy"],
    "/podsy": ["proxy"],
    "/exec/n/p/c": ["proxy"],
  };
  for (const [path, subresources] of Object.entries(expected)) assert.deepEqual(subresourcesOf(path), subresources, path);
  assert.deepEqual(["GET", "POST", "HEAD"].map(verbOf), ["get", "create", ""]);
});

test("pages are found with and without a slash at their end; what is no page is not", () => {
  assert.equal(parseRoute("/stats/summary?only_cpu_and_memory=true").kind, "statsSummary");
  assert.equal(parseRoute("/metrics/cadvisor").kind, "cadvisorMetrics");
  assert.equal(parseRoute("/runningpods/").kind, "runningPods");
  assert.equal(parseRoute("/flagz").kind, "zpage");
  assert.equal(parseRoute("/logs/a%2Fb").path, "/logs/a/b");
  for (const path of ["/constructor", "/stats", "/metrics/none", "/checkpoint/n/p"]) assert.throws(() => parseRoute(path), { status: 404 });
  assert.deepEqual(["/exec/n/p/c", "/logs/", "/metrics", "/pods"].map(isDebugging), [true, true, false, false]);
});

test("a checkpoint that the runtime cannot make is refused in upstream's words", async (t) => {
  const rootDir = mkdtempSync(join(tmpdir(), "checkpoint-"));
  t.after(() => rmSync(rootDir, { recursive: true }));
  const pod = { metadata: { namespace: "n", name: "p" } } as Pod;
  const refusing = { call: () => Promise.reject(new CriError(12, "unknown method CheckpointContainer")) } as unknown as CriClient;
  const common = { cri: refusing, rootDir, pod, container: "c", now: 0, timeout: undefined };
  await assert.rejects(checkpoint({ ...common, id: "1" }), { status: 500, message: /^checkpointing of n\/p\/c failed \(.*unknown method/ });
  await assert.rejects(checkpoint({ ...common, id: undefined }), { status: 500, message: "checkpointing of n/p/c failed (container c not found)" });
  await assert.rejects(checkpoint({ ...common, id: "1", timeout: "soon" }), { status: 404 });
  const cri = { call: async () => ({}) } as unknown as CriClient;
  assert.equal(await checkpoint({ ...common, cri, id: "1" }), `${rootDir}/checkpoints/checkpoint-p_n-c-1970-01-01T00:00:00Z.tar`);
});
