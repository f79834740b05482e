/** Simulated nodes of a control plane in this process: the simulator's role, the nodes' identities, the stages. */
import { readFileSync } from "node:fs";
import type { UserInfo } from "../api/exchange.ts";
import { isAlreadyExists } from "../api/status.ts";
import type { PolicyRule } from "../api/types/rbac-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import { clusterrolebindings, clusterroles } from "../client/resources.gen.ts";
import { createClient } from "../client/rest.ts";
import { withStages } from "../sim/built-in-stages.ts";
import { resourcesOf, simulatorRules } from "../sim/kinds.ts";
import { parseStages } from "../sim/parse-stages.ts";
import { type Simulation, simulatorUser, startSimulation } from "../sim/simulation.ts";
import type { Stage } from "../sim/stage.ts";
import { StageFileError } from "../sim/stage-source.ts";
import { administrator, type ControlPlane } from "./control-plane.ts";

export interface SimulatedNodesOptions {
  plane: ControlPlane;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Name of the first node; the others are NAME-2, NAME-3, ... */
  name: string;
  count: number;
  stages: readonly Stage[];
  firstPodCIDR?: string;
}

export const simulatedNodeNames = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => (i === 0 ? name : `${name}-${i + 1}`));

/** The built-in stages and those of `files`. Throws StageFileError. */
export function loadStages(files: readonly string[]): Stage[] {
  return withStages(files.flatMap((file) => parseStages(readStageFile(file), file)));
}

export function readStageFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StageFileError(`the stage file ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}; give the path of a YAML file of kwok Stages`);
  }
}

/** Resolves when the nodes are registered. Rejects with StageFileError for kinds that the API server does not serve. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<Simulation> {
  const { plane, clock, random, logger, name, count, stages, firstPodCIDR } = options;
  const resources = await resourcesOf(stages, plane.clientAs(administrator, "k8ts").transport);
  await ensureSimulatorRole(plane, simulatorRules(stages, resources));
  const node = (nodeName: string): UserInfo => ({ name: `system:node:${nodeName}`, groups: ["system:nodes", "system:authenticated"] });
  const simulator = plane.clientAs({ name: simulatorUser, groups: ["system:authenticated"] }, "k8ts-simulator");
  const simulation = startSimulation({
    client: simulator,
    clientFor: (nodeName) => plane.clientAs(node(nodeName), "k8ts-simulator"),
    clientAs: (username) => createClient(simulator.transport, { userAgent: "k8ts-simulator", impersonate: username }),
    clock,
    random,
    logger: logger.child("simulation"),
    nodes: simulatedNodeNames(name, count),
    stages,
    resources,
    ...(firstPodCIDR ? { firstPodCIDR } : {}),
  });
  try {
    await simulation.registered;
    return simulation;
  } catch (error) {
    await simulation[Symbol.asyncDispose]();
    throw error;
  }
}

/** The role follows the stages: those of this start, not of an earlier one. */
async function ensureSimulatorRole(plane: ControlPlane, rules: PolicyRule[]): Promise<void> {
  const client = plane.clientAs(administrator, "k8ts");
  const apiGroup = "rbac.authorization.k8s.io";
  const whereExists =
    (otherwise: () => Promise<unknown>) =>
    (error: unknown): Promise<unknown> => {
      if (isAlreadyExists(error)) return otherwise();
      throw error;
    };
  const roles = client.resource(clusterroles);
  await roles.create("", { metadata: { name: simulatorUser }, rules }).catch(whereExists(() => roles.patch("", simulatorUser, "merge", { rules })));
  const binding = {
    metadata: { name: simulatorUser },
    roleRef: { apiGroup, kind: "ClusterRole", name: simulatorUser },
    subjects: [{ kind: "User", apiGroup, name: simulatorUser }],
  };
  await client
    .resource(clusterrolebindings)
    .create("", binding)
    .catch(whereExists(() => Promise.resolve()));
}
