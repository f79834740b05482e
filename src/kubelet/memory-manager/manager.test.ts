import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import { silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import { MemoryManager, type MemoryManagerOptions } from "./manager.ts";
import { readMemoryState, writeMemoryState } from "./state.ts";

const root = await mkdtemp(join(tmpdir(), "memory-"));
after(() => rm(root, { recursive: true }));
const Gi = 2 ** 30;

const pod = (uid: string, memory: string[], init: string[] = []): Pod => {
  const container = (prefix: string) => (size: string, i: number) => ({
    name: `${prefix}${i}`,
    resources: { requests: { cpu: "1", memory: size }, limits: { cpu: "1", memory: size } },
  });
  return {
    metadata: { uid, name: uid, namespace: "default" },
    spec: { containers: memory.map(container("c")), initContainers: init.map(container("i")) },
  } as unknown as Pod;
};
async function manager(more: Partial<MemoryManagerOptions> = {}, rootDir?: string): Promise<MemoryManager> {
  const made = new MemoryManager({
    rootDir: rootDir ?? (await mkdtemp(join(root, "d"))),
    policy: "Static",
    nodes: [0, 1].map((id) => ({ id, memory: 4 * Gi, hugePages: new Map(), distances: [] })),
    reservations: [{ numaNode: 0, limits: { memory: "1Gi" } }],
    notForPods: Gi,
    logger: silentLogger,
    affinity: () => ({ preferred: false }),
    active: () => true,
    ...more,
  });
  await made.start();
  return made;
}
const give = async (m: MemoryManager, p: Pod): Promise<void> => {
  for (const c of [...(p.spec.initContainers ?? []), ...p.spec.containers]) await m.allocate(p, c);
};

test("what upstream's kubelet wrote is read, and written the same", () => {
  const text =
    '{"policyName":"Static","machineState":{"0":{"numberOfAssignments":2,"memoryMap":{"hugepages-1Gi":{"total":0,"systemReserved":0,"allocatable":0,"reserved":0,"free":0},"memory":{"total":100,"systemReserved":10,"allocatable":90,"reserved":20,"free":70}},"cells":[0,1]},"1":{"numberOfAssignments":0,"memoryMap":{},"cells":[1]}},"entries":{"pod-1":{"c1":[{"numaAffinity":[0,1],"type":"memory","size":20}]}},"checksum":2586349419}';
  assert.equal(writeMemoryState(readMemoryState(text, "Static")), text);
  const none = '{"policyName":"None","machineState":{},"checksum":4236770233}';
  assert.equal(writeMemoryState(readMemoryState(none, "None")), none);
  assert.throws(() => readMemoryState(text, "None"), { message: '[memorymanager] configured policy "None" differs from state checkpoint policy "Static"' });
  assert.throws(() => readMemoryState(text.replace('"free":70', '"free":71'), "Static"), { message: "checkpoint is corrupted" });
});

test("memory comes from the fewest nodes; a node that gave alone does not give with others", async () => {
  await using m = await manager();
  const big = pod("a", ["3Gi"]);
  assert.deepEqual(m.hints(big, big.spec.containers[0] as Container).get("memory"), [
    { affinity: 1n, preferred: true },
    { affinity: 2n, preferred: true },
    { affinity: 3n, preferred: false },
  ]);
  await give(m, big);
  assert.deepEqual(m.nodesOf("a", "c0"), [0]);
  await assert.rejects(give(m, pod("b", ["5Gi"])), {
    message: "[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available",
  });
  m.release("a");
  await give(m, pod("b", ["5Gi"]));
  assert.deepEqual(m.nodesOf("b", "c0"), [0, 1]);
});

test("what init containers had is used again and counted once", async () => {
  await using m = await manager();
  await give(m, pod("a", ["2Gi"], ["3Gi"]));
  assert.deepEqual(
    [...m.blocks("a", "i0"), ...m.blocks("a", "c0")].map((b) => b.size / Gi),
    [1, 2],
  );
});

test("a kubelet that starts anew finds what was promised; another machine, policy or a changed file stops it in plain words", async () => {
  const rootDir = await mkdtemp(join(root, "d"));
  {
    await using m = await manager({}, rootDir);
    await give(m, pod("a", ["1Gi"]));
  }
  await using m = await manager({}, rootDir);
  assert.deepEqual(m.nodesOf("a", "c0"), [0]);
  const less = [0, 1].map((id) => ({ id, memory: 3 * Gi, hugePages: new Map<number, number>(), distances: [] }));
  await assert.rejects(manager({ nodes: less }, rootDir), { message: "[memorymanager] the expected machine state is different from the real one" });
  const file = join(rootDir, "memory_manager_state");
  await writeFile(file, (await readFile(file, "utf8")).replace('"size":1', '"size":2'));
  await assert.rejects(manager({}, rootDir), /could not restore state from checkpoint: checkpoint is corrupted, please drain this node and delete/);
});

test("reservations that do not go with the machine are refused in upstream's words", async () => {
  await assert.rejects(manager({ reservations: [{ numaNode: 7, limits: { memory: "1Gi" } }] }), /references a NUMA node 7 that does not exist on this machine/);
  await assert.rejects(
    manager({ reservations: [] }),
    /the total amount "0" of type "memory" is not equal to the value "1073741824" determined by Node Allocatable feature/,
  );
  await assert.rejects(manager({ reservations: [], notForPods: 0 }), /you should specify the system reserved memory/);
});

test("whatever comes and goes: never more is promised than there is, and when all have gone everything is free", async () => {
  const random = seededRandom(11);
  await using m = await manager();
  const here = new Set<string>();
  for (let round = 0; round < 150; round++) {
    const uid = `p${round}`;
    if (random.next() < 0.6) {
      here.add(uid);
      await give(m, pod(uid, [`${1 + Math.floor(random.next() * 5)}Gi`], random.next() < 0.3 ? ["1Gi"] : [])).catch(() => {
        m.release(uid);
        here.delete(uid);
      });
    } else for (const one of here) if (random.next() < 0.5 && here.delete(one)) m.release(one);
    const promised = [...here].flatMap((one) => ["i0", "c0"].flatMap((name) => m.blocks(one, name))).reduce((sum, block) => sum + block.size, 0);
    assert.ok(promised <= 7 * Gi);
  }
  for (const one of here) m.release(one);
  await give(m, pod("all", ["7Gi"]));
});
