import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import { silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import { formatCpuList } from "../../linux/cpu-list.ts";
import type { Topology } from "../../linux/topology.ts";
import { refusalOf } from "../topology-manager/hints.ts";
import { maskOf } from "../topology-manager/mask.ts";
import { CpuManager, type CpuManagerOptions } from "./manager.ts";
import { cpuOptions } from "./options.ts";
import { readCpuState, writeCpuState } from "./state.ts";
import { takeCpus } from "./take.ts";

const root = await mkdtemp(join(tmpdir(), "cpus-"));
after(() => rm(root, { recursive: true }));

/** Threads of a core are numbered as Intel does: all first threads, then all second ones. */
function machine(sockets: number, nodesPerSocket: number, coresPerNode: number, threads: number): Topology {
  const nodes = sockets * nodesPerSocket;
  const cores = nodes * coresPerNode;
  const cpus = new Map(
    Array.from({ length: cores * threads }, (_, cpu) => {
      const core = cpu % cores;
      const node = Math.floor(core / coresPerNode);
      return [cpu, { core, node, socket: Math.floor(node / nodesPerSocket), cache: node }] as const;
    }),
  );
  return { cpus, nodes: Array.from({ length: nodes }, (_, id) => ({ id, memory: 2 ** 30, hugePages: new Map(), distances: [] })) };
}

const pod = (uid: string, cpus: string[], init: string[] = []): Pod => {
  const container = (prefix: string) => (cpu: string, i: number) => ({
    name: `${prefix}${i}`,
    resources: { requests: { cpu, memory: "1Gi" }, limits: { cpu, memory: "1Gi" } },
  });
  return {
    metadata: { uid, name: uid, namespace: "default" },
    spec: { containers: cpus.map(container("c")), initContainers: init.map(container("i")) },
  } as unknown as Pod;
};
const containers = (p: Pod): Container[] => [...(p.spec.initContainers ?? []), ...p.spec.containers];

async function manager(more: Partial<CpuManagerOptions> = {}, rootDir?: string): Promise<CpuManager> {
  const made = new CpuManager({
    rootDir: rootDir ?? (await mkdtemp(join(root, "d"))),
    policy: "static",
    policyOptions: {},
    topology: machine(1, 1, 4, 2),
    logger: silentLogger,
    reservedMilli: 500,
    affinity: () => ({ preferred: false }),
    active: () => true,
    onChange() {},
    ...more,
  });
  await made.start();
  return made;
}
const give = async (m: CpuManager, p: Pod): Promise<void> => {
  for (const c of containers(p)) await m.allocate(p, c);
};

test("what upstream's kubelet wrote is read, and written the same", () => {
  const text = '{"policyName":"static","defaultCpuSet":"0,2-3","entries":{"pod-1":{"a0":"4-5","c1":"1"}},"checksum":2761420293}';
  assert.deepEqual(JSON.parse(writeCpuState(readCpuState(text, "static"))), JSON.parse(text));
  const none = '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}';
  assert.equal(writeCpuState(readCpuState(none, "none")), none);
  assert.throws(() => readCpuState(text, "none"), { message: 'configured policy "none" differs from state checkpoint policy "static"' });
  assert.throws(() => readCpuState(text.replace("0,2-3", "0,2-4"), "static"), { message: "checkpoint is corrupted" });
});

test("whole processors go to one container alone, shares of one are shared, and what was given is free again after the pod", async () => {
  await using m = await manager();
  assert.equal(formatCpuList(m.allocatable), "1-7");
  const alone = pod("a", ["2"]);
  await give(m, alone);
  assert.equal(formatCpuList(m.cpusOf("a", "c0")), "1,5");
  await give(m, pod("b", ["1500m"]));
  assert.equal(m.exclusive("b", "c0").size, 0);
  assert.equal(formatCpuList(m.cpusOf("b", "c0")), "0,2-4,6-7");
  m.release("a");
  assert.equal(formatCpuList(m.cpusOf("b", "c0")), "0-7");
});

test("containers of a pod use again what its init containers had", async () => {
  await using m = await manager();
  await give(m, pod("a", ["2", "1"], ["4"]));
  assert.equal(m.exclusive("a", "i0").size, 4);
  assert.ok(m.exclusive("a", "c0").isSubsetOf(m.exclusive("a", "i0")));
  assert.ok(m.exclusive("a", "c0").isDisjointFrom(m.exclusive("a", "c1")));
});

test("who must have whole cores is refused parts of one", async () => {
  await using m = await manager({ policyOptions: { "full-pcpus-only": "true" } });
  const refusal = async (p: Pod) =>
    refusalOf(
      await give(m, p).then(
        () => assert.fail("it was taken"),
        (error: unknown) => error,
      ),
    );
  assert.deepEqual(await refusal(pod("a", ["3"])), {
    reason: "SMTAlignmentError",
    message: "SMT Alignment Error: requested 3 cpus not multiple cpus per core = 2",
  });
  assert.deepEqual(await refusal(pod("b", ["8"])), {
    reason: "SMTAlignmentError",
    message: "SMT Alignment Error: not enough free physical CPUs: available physical CPUs = 6, requested CPUs = 8, CPUs per core = 2",
  });
  await give(m, pod("c", ["6"]));
});

test("policies and options that cannot be had are refused in upstream's words", async () => {
  await assert.rejects(manager({ reservedMilli: 0 }), /the static policy requires systemreserved\.cpu \+ kubereserved\.cpu to be greater than zero/);
  await assert.rejects(manager({ policy: "none", policyOptions: { "full-pcpus-only": "true" } }), /None policy: received unsupported options/);
  assert.throws(() => cpuOptions({ nonsense: "true" }), /unknown CPU Manager Policy option: "nonsense"/);
  assert.throws(() => cpuOptions({ "align-by-socket": "true" }), /CPU Manager Policy Alpha-level Options not enabled/);
  assert.throws(() => cpuOptions({ "full-pcpus-only": "yes" }), /bad value for option "full-pcpus-only"/);
});

test("a kubelet that starts anew finds what was given; another policy, machine or a changed file stops it in plain words", async () => {
  const rootDir = await mkdtemp(join(root, "d"));
  {
    await using m = await manager({}, rootDir);
    await give(m, pod("a", ["2"]));
  }
  await using m = await manager({}, rootDir);
  assert.equal(formatCpuList(m.cpusOf("a", "c0")), "1,5");
  const file = join(rootDir, "cpu_manager_state");
  const please = `, please drain this node and delete the CPU manager checkpoint file ${JSON.stringify(file)} before restarting Kubelet`;
  await assert.rejects(manager({ policy: "none" }, rootDir), {
    message: `could not restore state from checkpoint: configured policy "none" differs from state checkpoint policy "static"${please}`,
  });
  await assert.rejects(manager({ topology: machine(1, 1, 5, 2) }, rootDir), /current set of available CPUs "0-9" doesn't match with CPUs in state "0-7"/);
  await assert.rejects(
    manager({ reservedMilli: 2000, reserved: new Set([1, 2]) }, rootDir),
    /not all reserved cpus: "1-2" are present in defaultCpuSet: "0,2-4,6-7"/,
  );
  await writeFile(file, (await readFile(file, "utf8")).replace("1,5", "1,6"));
  await assert.rejects(manager({}, rootDir), { message: `could not restore state from checkpoint: checkpoint is corrupted${please}` });
});

test("a container that was placed gets processors of its node, and hints name the fewest nodes", async () => {
  await using m = await manager({ topology: machine(2, 1, 4, 1), reservedMilli: 1000, affinity: () => ({ affinity: maskOf([1]), preferred: true }) });
  const p = pod("a", ["3"]);
  assert.deepEqual(m.hints(p, p.spec.containers[0] as Container).get("cpu"), [
    { affinity: 1n, preferred: true },
    { affinity: 2n, preferred: true },
    { affinity: 3n, preferred: false },
  ]);
  await give(m, p);
  assert.equal(formatCpuList(m.cpusOf("a", "c0")), "4-6");
  const q = pod("b", ["4"]);
  assert.deepEqual(m.hints(q, q.spec.containers[0] as Container).get("cpu"), [{ affinity: 3n, preferred: false }]);
});

test("on any machine and whatever is free: as many as asked, all of them free, whole cores where only whole cores are free", () => {
  const random = seededRandom(7);
  const below = (n: number): number => Math.floor(random.next() * n);
  for (let round = 0; round < 400; round++) {
    const threads = 1 + below(2);
    const topology = machine(1 + below(2), 1 + below(3), 1 + below(4), threads);
    const cores = [...new Set([...topology.cpus.values()].map((p) => p.core))].filter(() => random.next() < 0.7);
    const free = new Set([...topology.cpus].filter(([, p]) => cores.includes(p.core)).map(([cpu]) => cpu));
    const options = {
      ...cpuOptions({}),
      distributeAcrossNuma: round % 3 === 0,
      fullCoresOnly: round % 2 === 0,
      preferCacheAlignment: round % 3 === 1,
    };
    const wanted = below(free.size / threads + 1) * threads;
    const taken = takeCpus(topology.cpus, free, wanted, options);
    assert.equal(taken.size, wanted);
    assert.ok(taken.isSubsetOf(free));
    if (options.fullCoresOnly || !options.distributeAcrossNuma)
      for (const cpu of taken)
        for (const [other, p] of topology.cpus)
          if (p.core === topology.cpus.get(cpu)?.core) assert.ok(taken.has(other), `round ${round}: core of ${cpu} is split`);
    assert.throws(() => takeCpus(topology.cpus, free, free.size + threads, options), /not enough cpus available to satisfy request/);
  }
});

test("processors are spread evenly over as few nodes as can give them", () => {
  const { cpus } = machine(2, 2, 4, 1);
  const options = { ...cpuOptions({}), distributeAcrossNuma: true };
  const perNode = (taken: Iterable<number>): number[] => [0, 1, 2, 3].map((node) => [...taken].filter((cpu) => cpus.get(cpu)?.node === node).length);
  assert.deepEqual(perNode(takeCpus(cpus, new Set(cpus.keys()), 6, options)), [3, 3, 0, 0]);
  assert.deepEqual(perNode(takeCpus(cpus, new Set(cpus.keys()), 4, options)), [4, 0, 0, 0]);
  assert.deepEqual(
    perNode(takeCpus(cpus, new Set(cpus.keys()), 9, options)).filter((n) => n > 0),
    [3, 3, 3],
  );
});
