/** One run of a scenario, with at most one fault, and the judgement of what came of it. */
import type { Transport } from "../../src/client/transport.ts";
import type { Pod } from "../../src/api/types/core-v1.gen.ts";
import { formatTime } from "../../src/api/time.ts";
import { pods } from "../../src/client/resources.gen.ts";
import { builtInStages, withStages } from "../../src/sim/built-in-stages.ts";
import { parseStages } from "../../src/sim/parse-stages.ts";
import type { Stage } from "../../src/sim/stage.ts";
import type { StoreEvent } from "../../src/store/store.ts";
import { violations } from "./invariants.ts";
import { type Asked, type FaultPoint, planOf } from "./kinds.ts";
import { carryOut, type Scenario } from "./scenario.ts";
import { difference, stateOf } from "./state.ts";
import { type Beginning, World } from "./world.ts";

export interface Run extends Asked {
  state: string[];
  problems: string[];
  history: StoreEvent[];
}

export interface RunOptions {
  scenario: Scenario;
  seed: number;
  /** Runs as a process of its own. */
  controller: string;
  point?: FaultPoint;
  /** The state that a run without faults ends in; absent: this is that run. */
  expected?: readonly string[];
  /** Whether that run must show that its end lasts. @default true */
  prove?: boolean;
  log?(line: string): void;
}

/** Seconds after which the state is looked at again; together more than the longest patience of a controller. */
const patience = [5, 10, 30, 60, 120, 180, 300, 600];
/** Seconds for which a state must last to be the end. */
const lasting = 10;
/** Seconds after which the end of a run without faults must be the same. */
const proof = 700;

const beginnings = new Map<string, Promise<Beginning>>();

/** A cluster whose nodes are ready and where nothing is left to do; made once for each number of nodes. */
function beginningOf(nodes: number, seed: number): Promise<Beginning> {
  const key = `${nodes}/${seed}`;
  let made = beginnings.get(key);
  if (!made) {
    made = (async () => {
      await using world = await World.start({ seed, nodes, stages: builtInStages() });
      await world.advance(60_000);
      return await world.asBeginning();
    })();
    beginnings.set(key, made);
  }
  return made;
}

const parsed = new Map<string, readonly Stage[]>();
function stagesOf({ name, stages }: Scenario): readonly Stage[] {
  if (!stages) return builtInStages();
  const known = parsed.get(name) ?? withStages(parseStages(stages, name));
  parsed.set(name, known);
  return known;
}

export async function run(options: RunOptions): Promise<Run> {
  const { scenario, seed, controller, point, expected } = options;
  const beginning = await beginningOf(scenario.nodes, seed);
  const asked: Asked = { writes: [], events: [], reads: [], watched: new Set() };
  await using world = await World.start({
    seed: seed + 1,
    nodes: scenario.nodes,
    stages: stagesOf(scenario),
    beginning,
    target: { name: controller, plan: planOf(point, asked) },
    ...(scenario.certificate ? { controllers: { signRequest: async () => scenario.certificate as string } } : {}),
    ...(scenario.cpu ? { around: (transport: Transport, of: World) => withMetrics(transport, of, scenario.cpu as string) } : {}),
    ...(options.log ? { log: options.log } : {}),
  });
  const problems: string[] = [];
  const unhandled = (reason: unknown): number => problems.push(`nobody handles: ${reason instanceof Error ? reason.stack : String(reason)}`);
  process.on("unhandledRejection", unhandled);
  const state = (): Promise<string[]> => stateOf(world.store, beginning);
  let reached: string[] = [];
  try {
    for (const step of scenario.steps) await carryOut(world, step);
    if (expected) {
      reached = await converge(world, state, expected);
      problems.push(...difference(expected, reached));
    } else {
      await world.advance(lasting * 1000);
      reached = await state();
      if (options.prove ?? true) await world.advance(proof * 1000);
      problems.push(...difference(reached, await state()).map((line) => `still moving without faults: ${line}`));
    }
  } catch (error) {
    problems.push(`the scenario did not go through: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    process.off("unhandledRejection", unhandled);
  }
  const history = await historyOf(world);
  problems.push(...violations(history), ...world.blunders);
  return { ...asked, state: reached, problems, history };
}

async function converge(world: World, state: () => Promise<string[]>, expected: readonly string[]): Promise<string[]> {
  const same = (found: readonly string[]): boolean => found.length === expected.length && found.every((line, i) => line === expected[i]);
  let found = await state();
  for (const seconds of patience) {
    if (same(found)) {
      await world.advance(lasting * 1000);
      found = await state();
      if (same(found)) break;
    }
    await world.advance(seconds * 1000);
    found = await state();
  }
  return found;
}

async function historyOf(world: World): Promise<StoreEvent[]> {
  const last = await world.store.revision();
  const stop = new AbortController();
  const history: StoreEvent[] = [];
  for await (const batch of world.store.watch("/registry/", { fromRevision: 1, signal: stop.signal })) {
    history.push(...batch);
    if ((history.at(-1)?.revision ?? last) >= last) break;
  }
  stop.abort();
  return history;
}

/** Serves metrics.k8s.io as a metrics server beside the API server would: every running pod uses so much. */
function withMetrics(transport: Transport, world: World, cpu: string): Transport {
  return {
    async request(request) {
      const match = /^\/apis\/metrics\.k8s\.io\/v1beta1\/namespaces\/([^/]+)\/pods$/.exec(request.path);
      if (!match) return await transport.request(request);
      const selector = String(request.query?.labelSelector ?? "");
      const { items } = await world.client.resource(pods).list({ namespace: match[1], labelSelector: selector });
      const timestamp = formatTime(world.clock.now());
      const measured = items
        .filter((pod: Pod) => pod.status?.phase === "Running")
        .map((pod) => ({ metadata: { name: pod.metadata.name }, timestamp, window: "30s", containers: [{ name: "c", usage: { cpu, memory: "1Mi" } }] }));
      return { status: 200, headers: {}, warnings: [], object: { kind: "PodMetricsList", items: measured } };
    },
    watch: (request) => transport.watch(request),
    stream: (request) => transport.stream(request),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
