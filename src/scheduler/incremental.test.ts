import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { makeNode, makePod, World } from "./fixtures.ts";

const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T;
const apps = ["web", "db"];
const keys = ["kubernetes.io/hostname", "zone"];

function randomNode(random: Random, name: string): Node {
  const spec = random.int(4) === 0 ? { taints: [{ key: "soft", effect: "PreferNoSchedule" }] } : {};
  return makeNode(name, { labels: random.int(5) ? { zone: pick(random, ["1", "2", "3"]) } : {}, allocatable: { cpu: pick(random, ["1", "4"]) }, spec });
}

function randomPod(random: Random, name: string, nodeName?: string): Pod {
  const term = () => ({ topologyKey: pick(random, keys), labelSelector: { matchLabels: { app: pick(random, apps) } } });
  const some = <T>(make: () => T): T[] => (random.int(4) ? [] : [make()]);
  const weighted = () => ({ weight: 1 + random.int(9), podAffinityTerm: term() });
  const rules = () => ({
    requiredDuringSchedulingIgnoredDuringExecution: some(term),
    preferredDuringSchedulingIgnoredDuringExecution: some(weighted),
  });
  const spread = () => ({
    topologyKey: pick(random, keys),
    maxSkew: 1,
    whenUnsatisfiable: pick(random, ["DoNotSchedule", "ScheduleAnyway"]),
    labelSelector: { matchLabels: { app: pick(random, apps) } },
  });
  return makePod(name, {
    labels: { app: pick(random, apps) },
    requests: { cpu: pick(random, ["100m", "500m"]) },
    affinity: { podAffinity: rules(), podAntiAffinity: rules() },
    topologySpreadConstraints: some(spread),
    ...(nodeName ? { nodeName } : {}),
  });
}

test("what is kept current by changes equals what is counted anew", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed);
    const nodes = new Map<string, Node>();
    const pods = new Map<string, Pod>();
    const world = new World();
    for (let step = 0; step < 60; step++) {
      const what = random.int(10);
      const name = `n${random.int(6)}`;
      if (what < 3) {
        const node = randomNode(random, name);
        nodes.set(name, node);
        world.cache.setNode(node);
      } else if (what === 3 && nodes.delete(name)) world.cache.deleteNode(name);
      else if (what === 4 && pods.size) {
        const [gone] = pods.keys();
        pods.delete(gone as string);
        world.cache.deletePod(gone as string);
      } else if (nodes.size) {
        const pod = randomPod(random, `p${step}`, pick(random, [...nodes.keys()]));
        pods.set(pod.metadata.uid, pod);
        world.cache.setPod(pod);
      }
      const probe = randomPod(random, `probe${step}`);
      const seen = ({ evaluate, nameOf, reasons }: World, of: World) => ({
        fits: Object.fromEntries(evaluate.call(of, probe).feasible.map(({ row, score }) => [nameOf.call(of, row), score])),
        reasons: reasons.call(of, probe),
      });
      const anew = new World({ nodes: [...nodes.values()], pods: [...pods.values()] });
      assert.deepEqual(seen(world, world), seen(anew, anew), `seed ${seed}, step ${step}`);
    }
  }
});
