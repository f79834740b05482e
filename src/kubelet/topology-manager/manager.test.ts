import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { seededRandom } from "../../base/random.ts";
import type { NumaNode } from "../../linux/topology.ts";
import { AdmissionError, type Hints, type TopologyHint } from "./hints.ts";
import { TopologyManager } from "./manager.ts";
import { count, maskOf, nodesOf, subsets } from "./mask.ts";
import { mergeHints, type TopologyPolicy } from "./merge.ts";
import { topologyPolicy } from "./options.ts";

const policy = (name: TopologyPolicy["name"], nodes = 2, more: Partial<TopologyPolicy> = {}): TopologyPolicy => ({
  name,
  numa: { nodes: Array.from({ length: nodes }, (_, node) => node) },
  preferClosest: false,
  ...more,
});
const hint = (nodes: number[], preferred: boolean): TopologyHint => ({ affinity: maskOf(nodes), preferred });
const of = (...lists: (TopologyHint[] | undefined)[]): Hints => new Map(lists.map((list, i) => [`r${i}`, list]));
const nodes = (length: number, distances: number[][] = []): NumaNode[] =>
  Array.from({ length }, (_, id) => ({ id, memory: 0, hugePages: new Map(), distances: distances[id] ?? [] }));

test("hints that agree on a node are merged to it; those that do not are taken only by who does not insist", () => {
  const both = [hint([0], true), hint([1], true), hint([0, 1], false)];
  assert.deepEqual(mergeHints(policy("restricted"), [of(both), of(both)]), { hint: hint([0], true), admit: true });
  assert.deepEqual(mergeHints(policy("restricted"), [of([hint([1], true)]), of(both)]), { hint: hint([1], true), admit: true });
  const apart = [of([hint([0], true)]), of([hint([1], true)])];
  assert.deepEqual(mergeHints(policy("best-effort"), apart), { hint: hint([0, 1], false), admit: true });
  assert.equal(mergeHints(policy("restricted"), apart).admit, false);
});

test("who does not care goes anywhere, who can go nowhere is taken only by best-effort", () => {
  assert.deepEqual(mergeHints(policy("single-numa-node"), [new Map(), of(undefined)]), { hint: { preferred: true }, admit: true });
  assert.equal(mergeHints(policy("restricted"), [of([])]).admit, false);
  assert.equal(mergeHints(policy("best-effort"), [of([])]).admit, true);
});

test("one node is one node: what needs two is refused, also where it would be preferred", () => {
  assert.equal(mergeHints(policy("single-numa-node"), [of([hint([0, 1], true)])]).admit, false);
  assert.deepEqual(mergeHints(policy("single-numa-node"), [of([hint([0, 1], false), hint([1], true)])]), { hint: hint([1], true), admit: true });
});

test("of places that are as narrow the nearer is chosen where that is asked for", () => {
  const distances = [
    [10, 30, 20],
    [30, 10, 11],
    [20, 11, 10],
  ];
  const pairs = of([hint([0, 1], true), hint([0, 2], true), hint([1, 2], true)]);
  assert.deepEqual(mergeHints(policy("restricted", 3), [pairs]).hint.affinity, maskOf([0, 1]));
  const near = policy("restricted", 3, { preferClosest: true, numa: { nodes: [0, 1, 2], distances } });
  assert.deepEqual(mergeHints(near, [pairs]).hint.affinity, maskOf([1, 2]));
});

test("whatever the hints: a preferred place is one that all prefer, and the order of those who say them does not matter", () => {
  const random = seededRandom(3);
  const all = [...subsets([0, 1, 2])];
  assert.equal(all.length, 7);
  for (let round = 0; round < 500; round++) {
    const lists = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () =>
      all.filter(() => random.next() < 0.5).map((affinity): TopologyHint => ({ affinity, preferred: random.next() < 0.5 })),
    );
    for (const name of ["best-effort", "restricted", "single-numa-node"] as const) {
      const merged = mergeHints(
        policy(name, 3),
        lists.map((list) => of(list)),
      );
      const { affinity, preferred } = merged.hint;
      assert.equal(merged.admit, name === "best-effort" || preferred);
      if (preferred && affinity !== undefined) for (const list of lists) assert.ok(list.some((h) => h.affinity === affinity && h.preferred));
      if (preferred && name === "single-numa-node" && affinity !== undefined) assert.equal(count(affinity), 1);
      if (affinity !== undefined) assert.ok(nodesOf(affinity).length > 0);
      const turned = mergeHints(
        policy(name, 3),
        lists.toReversed().map((list) => of(list)),
      );
      assert.deepEqual([turned.admit, turned.hint.preferred], [merged.admit, preferred]);
    }
  }
});

test("options that cannot be had are refused in upstream's words", () => {
  assert.equal(topologyPolicy("none", { nonsense: "1" }, nodes(1)), undefined);
  assert.throws(() => topologyPolicy("restricted", { nonsense: "1" }, nodes(1)), /unknown Topology Manager Policy option: "nonsense"/);
  assert.throws(
    () => topologyPolicy("restricted", { "max-allowable-numa-nodes": "7" }, nodes(1)),
    /the minimum value of "max-allowable-numa-nodes" should not be less than 8/,
  );
  assert.throws(() => topologyPolicy("restricted", {}, nodes(9)), /unsupported on machines with more than 8 NUMA Nodes/);
  assert.ok(topologyPolicy("restricted", { "max-allowable-numa-nodes": "9" }, nodes(9)));
  assert.throws(() => topologyPolicy("restricted", { "prefer-closest-numa-nodes": "true" }, nodes(2)), /error getting NUMA distances from cadvisor/);
});

test("a pod that finds no place, or whose share is gone, is refused with the reason", async () => {
  const pod = { metadata: { uid: "u" }, spec: { containers: [{ name: "c" }] } } as unknown as Pod;
  let problem: Error | undefined;
  const seen: (bigint | undefined)[] = [];
  const make = (scope: "container" | "pod", hints: TopologyHint[]): TopologyManager => {
    const manager = new TopologyManager(policy("restricted"), scope);
    manager.add({
      hints: () => of(hints),
      podHints: () => of(hints),
      async allocate() {
        seen.push(manager.affinity("u", "c").affinity);
        if (problem) throw problem;
      },
    });
    return manager;
  };
  for (const scope of ["container", "pod"] as const) {
    assert.deepEqual(await make(scope, [hint([0], false)]).admit(pod), {
      reason: "TopologyAffinityError",
      message: "Resources cannot be allocated with Topology locality",
    });
    assert.equal(await make(scope, [hint([1], true)]).admit(pod), undefined);
  }
  assert.deepEqual(seen, [2n, 2n]);
  problem = new Error("nothing left");
  assert.deepEqual(await make("pod", [hint([1], true)]).admit(pod), {
    reason: "UnexpectedAdmissionError",
    message: "Allocate failed due to nothing left, which is unexpected",
  });
  problem = new AdmissionError("SMTAlignmentError", "half a core");
  assert.deepEqual(await make("pod", [hint([1], true)]).admit(pod), { reason: "SMTAlignmentError", message: "half a core" });
});
