import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import type { Volume } from "../types/core-v1.gen.ts";
import { overlapWarnings } from "./volume-overlaps.ts";

const volume = (paths: readonly string[]): Volume => ({ name: "v", configMap: { name: "c", items: paths.map((path) => ({ key: "k", path })) } });
const told = (paths: readonly string[]): string[] => overlapWarnings([volume(paths)]);

test("each file is told with every earlier one that it is, lies in or holds", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 200; round++) {
    const paths = Array.from({ length: random.int(8) + 1 }, () => Array.from({ length: random.int(3) + 1 }, () => "ab!"[random.int(3)]).join("/"));
    const expected: string[] = [];
    for (const [i, path] of paths.entries())
      for (const earlier of paths.slice(0, i))
        if (`${path}/`.startsWith(`${earlier}/`) || `${earlier}/`.startsWith(`${path}/`))
          expected.push(`volume "v" (ConfigMap "c"): overlapping paths: "${path}" with "${earlier}"`);
    assert.deepEqual(told(paths), expected, JSON.stringify(paths));
  }
});

test("slashes at the end and empty paths mean nothing", () => {
  assert.deepEqual(told(["", "/", "a//", "ab", "a/b"]), ['volume "v" (ConfigMap "c"): overlapping paths: "a/b" with "a"']);
});

test("a request's worth of paths is looked through at once, whatever they are", () => {
  const many = 100_000;
  const took = (paths: readonly string[]): number => {
    const { user, system } = process.cpuUsage();
    told(paths);
    const after = process.cpuUsage();
    return (after.user + after.system - user - system) / 1e6;
  };
  for (const paths of [
    Array.from({ length: many }, (_, i) => `p${i}`),
    Array.from({ length: many }, () => "same"),
    Array.from({ length: 1000 }, (_, i) => "d/".repeat(i + 1)),
    [`a${"/".repeat(1 << 20)}b/`],
  ])
    assert.ok(took(paths) < 3, `${paths.length} paths, of them ${(paths[0] as string).slice(0, 10)}`);
});
