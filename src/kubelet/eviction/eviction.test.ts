import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { PodEvents } from "../pod-events.ts";
import type { Verdict } from "../pod-status.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import { type EvictablePod, Eviction, type EvictionOptions } from "./eviction.ts";
import { binary, brokenDiskLimit, evictionMessage, type PodUsage, rankPods } from "./rank.ts";
import { defaultEvictionHard, evictionThresholds, type Observations, type Pressure, parseThresholds, pressures, thresholdsMet } from "./thresholds.ts";

const Mi = 2 ** 20;
const thresholds = parseThresholds(defaultEvictionHard);
const plenty: Observations = {
  "memory.available": { available: 8000 * Mi, capacity: 16_000 * Mi },
  "nodefs.available": { available: 50, capacity: 100 },
  "imagefs.available": { available: 50, capacity: 100 },
};
const short: Observations = { ...plenty, "memory.available": { available: 52 * Mi, capacity: 16_000 * Mi } };
const full: Observations = { ...plenty, "imagefs.available": { available: 10, capacity: 100 } };

const pod = (name: string, { request, priority, ...spec }: { request?: string; priority?: number } & Partial<Pod["spec"]> = {}): Pod =>
  ({
    metadata: { name, namespace: "n", uid: name },
    spec: {
      containers: [{ name: "c", image: "i", ...(request ? { resources: { requests: { memory: request } } } : {}) }],
      ...(priority ? { priority } : {}),
      ...spec,
    },
    status: {},
  }) as Pod;
const uses = (memory: number, extra: Partial<PodUsage> = {}): PodUsage => ({
  memory: memory * Mi,
  processes: 1,
  containers: new Map([["c", { memory: memory * Mi }]]),
  emptyDirs: new Map(),
  ...extra,
});

test("thresholds are amounts and shares; what is no signal and no quantity is told", () => {
  assert.deepEqual(parseThresholds({ "memory.available": "100Mi", "nodefs.available": "7.5%", "imagefs.available": "0%" }), [
    { signal: "memory.available", value: { amount: 100 * Mi } },
    { signal: "nodefs.available", value: { share: 0.075 } },
  ]);
  assert.throws(() => parseThresholds({ "memory.free": "1Gi" }), /unsupported eviction signal memory.free/);
  assert.throws(() => parseThresholds({ "memory.available": "much" }), /must be a quantity/);
  assert.throws(() => parseThresholds({ "memory.available": "-1" }), /must be positive/);
  assert.throws(() => parseThresholds({ "memory.available": "120%" }), /eviction percentage threshold memory.available must be <= 100%: 120%/);
});

test("memory comes before disks, and a condition outlasts what was seen by its period", () => {
  assert.deepEqual(
    thresholdsMet(thresholds, { ...full, ...{ "memory.available": short["memory.available"] } } as Observations).map((t) => t.signal),
    ["memory.available", "imagefs.available"],
  );
  const seen = new Map<Pressure, number>();
  assert.deepEqual([...pressures(thresholdsMet(thresholds, short), seen, 1000, 300)], ["MemoryPressure"]);
  assert.deepEqual([...pressures([], seen, 1299, 300)], ["MemoryPressure"]);
  assert.deepEqual([...pressures([], seen, 1300, 300)], []);
});

test("first goes who is above its request, then the lower priority, then who is furthest above", () => {
  const usage = new Map([
    ["within", uses(90)],
    ["above", uses(50)],
    ["far-above", uses(500)],
    ["important", uses(900)],
  ]);
  const pods = [pod("within", { request: "100Mi" }), pod("above"), pod("important", { priority: 1000 }), pod("far-above"), pod("unknown")];
  assert.deepEqual(
    rankPods(pods, "memory", (p) => usage.get(p.metadata.name)).map((p) => p.metadata.name),
    ["unknown", "far-above", "above", "important", "within"],
  );
});

test("who goes is told what was low and what used more than it asked for", () => {
  assert.equal(
    evictionMessage(pod("p", { request: "10Mi" }), "memory", thresholdsMet(thresholds, short), short, uses(20)),
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container c was using 20Mi, request is 10Mi, has larger consumption of memory. ",
  );
  assert.deepEqual([0, 1, 1024, 1536, 3 * Mi].map(binary), ["0", "1", "1Ki", "1536", "3Mi"]);
});

test("a pod keeps to the disk that it said", () => {
  const volume = pod("p", { volumes: [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }] });
  assert.equal(brokenDiskLimit(volume, uses(0, { emptyDirs: new Map([["v", Mi]]) })), undefined);
  assert.equal(brokenDiskLimit(volume, uses(0, { emptyDirs: new Map([["v", Mi + 1]]) })), 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ');
  const limited = pod("p", { containers: [{ name: "c", image: "i", resources: { limits: { "ephemeral-storage": "2Mi" } } }] as Pod["spec"]["containers"] });
  assert.equal(
    brokenDiskLimit(limited, uses(0, { disk: { bytes: 3 * Mi, inodes: 1 } })),
    "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ",
  );
  assert.equal(
    brokenDiskLimit(limited, uses(0, { disk: { bytes: Mi, inodes: 1 }, containers: new Map([["c", { disk: 3 * Mi }]]) })),
    'Container c exceeded its local ephemeral storage limit "2Mi". ',
  );
});

class Running implements EvictablePod {
  readonly runtimePod = { containers: [{}] } as unknown as RuntimePod;
  readonly pod: Pod;
  state = "syncing";
  verdict: Verdict | undefined;
  constructor(of: Pod) {
    this.pod = of;
  }
  grace: number | undefined;
  fail(verdict: Verdict, grace: number): void {
    this.verdict = verdict;
    this.grace = grace;
    this.state = "finished";
  }
}
function node(pods: Running[], usage: Map<string, PodUsage>, observed: () => Observations, extra: Partial<EvictionOptions> = {}) {
  const told: string[] = [];
  const clock = new VirtualClock();
  const eviction = new Eviction({
    clock,
    logger: silentLogger,
    events: { node: (_: string, reason: string, text: string) => told.push(`${reason} ${text}`), pod: () => {} } as unknown as PodEvents,
    thresholds,
    transitionPeriod: 300_000,
    maxPodGrace: 0,
    observe: async () => observed(),
    usage: async () => usage,
    directory: () => "/none",
    pods: () => pods.filter((p) => p.state === "syncing"),
    reclaim: async () => {},
    onChange: () => told.push("changed"),
    signal: new AbortController().signal,
    ...extra,
  });
  return { eviction, told, clock };
}

test("one pod goes at a time until there is enough, and the node refuses what would make it worse", async () => {
  const pods = ["a", "b", "c"].map((name) => new Running(pod(name)));
  const usage = new Map([
    ["a", uses(10)],
    ["b", uses(30)],
    ["c", uses(20)],
  ]);
  const { eviction, told, clock } = node(pods, usage, () => (pods.filter((p) => p.verdict).length < 2 ? short : plenty));
  eviction.start();
  await clock.advance(30_000);
  assert.deepEqual(
    pods.map((p) => p.verdict?.reason),
    [undefined, "Evicted", "Evicted"],
  );
  assert.equal(pods[1]?.verdict?.disruption, true);
  assert.deepEqual(told, ["changed", "EvictionThresholdMet Attempting to reclaim memory", "EvictionThresholdMet Attempting to reclaim memory"]);
  assert.deepEqual(eviction.admit(pod("new")), { reason: "Evicted", message: "The node had condition: [MemoryPressure]. " });
  assert.equal(eviction.admit(pod("asks", { request: "1Mi" })), undefined);
  assert.equal(eviction.admit(pod("critical", { priority: 2_000_000_000 })), undefined);
  assert.equal(eviction.admit(pod("tolerant", { tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }] })), undefined);
  await clock.advance(310_000);
  assert.equal(eviction.admit(pod("new")), undefined);
});

test("images make room before pods do, and what is critical stays", async () => {
  let reclaimed = false;
  const pods = [new Running(pod("a")), new Running(pod("critical", { priority: 2_000_000_000 }))];
  const saved = node(pods, new Map(), () => (reclaimed ? plenty : full), {
    reclaim: async () => {
      reclaimed = true;
    },
  });
  await saved.eviction.turn();
  assert.deepEqual(
    pods.map((p) => p.verdict),
    [undefined, undefined],
  );
  const lost = node(pods, new Map(), () => full);
  await lost.eviction.turn();
  assert.equal(await lost.eviction.turn(), undefined);
  assert.deepEqual(
    pods.map((p) => p.verdict?.reason),
    ["Evicted", undefined],
  );
});

test("soft thresholds wait for their grace period, pods end within theirs, and enough is what reclaims the minimum", async () => {
  const settings = {
    evictionHard: {},
    evictionSoft: { "memory.available": "1Gi" },
    evictionSoftGracePeriod: { "memory.available": 60_000 },
    evictionMinimumReclaim: { "memory.available": "512Mi" },
  };
  let free = 900;
  const observed = (): Observations => ({ "memory.available": { available: free * Mi, capacity: 16_000 * Mi } });
  const pods = [new Running(pod("a", { terminationGracePeriodSeconds: 5 })), new Running(pod("b", { terminationGracePeriodSeconds: 600 }))];
  const { eviction, clock } = node(pods, new Map(), observed, { thresholds: evictionThresholds(settings), maxPodGrace: 30 });
  const verdicts = (): unknown[] => pods.map((p) => [p.verdict?.reason, p.grace]);
  await eviction.turn();
  assert.deepEqual([...eviction.pressures], ["MemoryPressure"], "the node says so at once");
  await clock.advance(59_000);
  free = 1100;
  await eviction.turn();
  free = 900;
  await clock.advance(2000);
  await eviction.turn();
  assert.deepEqual(
    verdicts(),
    [
      [undefined, undefined],
      [undefined, undefined],
    ],
    "the period begins anew",
  );
  await clock.advance(60_000);
  await eviction.turn();
  free = 1200;
  await eviction.turn();
  assert.deepEqual(
    verdicts(),
    [
      ["Evicted", 5],
      ["Evicted", 30],
    ],
    "1200Mi is more than the threshold, and less than what is to be reclaimed",
  );
  assert.equal(await eviction.turn(), undefined);
});

test("settings of eviction that contradict each other are told in upstream's words", () => {
  const none = { evictionHard: {}, evictionSoft: {}, evictionSoftGracePeriod: {}, evictionMinimumReclaim: {} };
  assert.deepEqual(
    evictionThresholds({ ...none, evictionHard: defaultEvictionHard, evictionMinimumReclaim: { "nodefs.available": "5%" } }).filter((t) => t.minReclaim),
    [{ signal: "nodefs.available", value: { share: 0.1 }, minReclaim: { share: 0.05 } }],
  );
  const wrong = (given: Partial<typeof none>, message: string): void => assert.throws(() => evictionThresholds({ ...none, ...given }), new Error(message));
  wrong({ evictionSoft: { "memory.available": "1Gi" } }, "grace period must be specified for the soft eviction threshold memory.available");
  wrong({ evictionSoftGracePeriod: { "memory.free": 1 } }, "unsupported eviction signal memory.free");
  wrong({ evictionMinimumReclaim: { "memory.available": "0%" } }, "eviction percentage minimum reclaim memory.available must be positive: 0%");
  wrong({ evictionMinimumReclaim: { "memory.available": "-1Gi" } }, "negative eviction minimum reclaim specified for memory.available");
});
