import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthSLIs } from "../api/health-checks.ts";
import { health, serverChecks } from "./health.ts";

async function ask(target: string, checks: ReturnType<typeof serverChecks>): Promise<[number, string] | undefined> {
  const [path = "", query] = target.split("?");
  const response = await health(checks, path, new URLSearchParams(query), new HealthSLIs(0));
  return response && [response.status, Buffer.from(response.body as Uint8Array).toString()];
}
const well = serverChecks([], async () => {}, new AbortController().signal);

test("what every object has is no check", async () => {
  for (const path of ["/constructor", "/__proto__", "/toString/x", "/", ""]) assert.equal(await ask(path, well), undefined, path);
});

test("a store that cannot be read fails its check, and the checks after it are still made", async () => {
  const torn = (): Promise<never> => Promise.reject(new Error("the disk is gone"));
  const ill = serverChecks([], torn, new AbortController().signal);
  assert.deepEqual(await ask("/readyz", ill), [
    500,
    "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[-]etcd-readiness failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n",
  ]);
  assert.deepEqual(await ask("/livez/etcd", ill), [500, "internal server error: the disk is gone\n"]);
  assert.deepEqual(await ask("/readyz?exclude=etcd&exclude=etcd-readiness", ill), [200, "ok"]);
});

test("a path of nothing but slashes is read as quickly as any other", async () => {
  const began = process.cpuUsage();
  assert.equal(await ask(`/api${"/".repeat(1 << 20)}x`, well), undefined);
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 1_000_000, `${user + system} µs of processor time`);
});
