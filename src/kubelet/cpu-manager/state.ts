/** cpu_manager_state: which processors containers have alone (pkg/kubelet/cm/cpumanager/state). */
import { formatCpuList, parseCpuList } from "../../linux/cpu-list.ts";
import { CorruptCheckpoint, checksumOf } from "../checkpoint/file.ts";
import { map, struct } from "../checkpoint/go-print.ts";
import type { CpuSet } from "./take.ts";

export interface CpuState {
  policy: string;
  /** What everybody shares who has none alone. */
  shared: CpuSet;
  /** By pod and container. */
  given: Map<string, Map<string, CpuSet>>;
}

type Entries = Record<string, Record<string, string>>;

/** Under both names that upstream has had for the type. */
const checksum = (policyName: string, defaultCpuSet: string, entries: Entries, type = "CPUManagerCheckpoint"): number =>
  checksumOf(
    `(*state.${type})${struct({
      PolicyName: ["string", policyName],
      DefaultCPUSet: ["string", defaultCpuSet],
      Entries: ["map[string]map[string]string", map(entries, (containers) => map(containers, String))],
      Checksum: ["checksum.Checksum", 0],
    })}`,
  );

export function writeCpuState({ policy, shared, given }: CpuState): string {
  const defaultCpuSet = formatCpuList(shared);
  const entries: Entries = Object.fromEntries(
    [...given].map(([pod, containers]) => [pod, Object.fromEntries([...containers].map(([name, cpus]) => [name, formatCpuList(cpus)]))]),
  );
  return JSON.stringify({
    policyName: policy,
    defaultCpuSet,
    ...(given.size ? { entries } : {}),
    checksum: checksum(policy, defaultCpuSet, entries),
  });
}

/** Throws, in upstream's words, for what is not whole or was written under another policy than `policy`. */
export function readCpuState(text: string, policy: string): CpuState {
  const file = JSON.parse(text) as { policyName?: string; defaultCpuSet?: string; entries?: Entries; checksum?: number } | null;
  const { policyName = "", defaultCpuSet = "", entries = {}, checksum: sum = 0 } = file ?? {};
  const valid = (): boolean => [undefined, "CPUManagerCheckpointV2"].some((type) => sum === checksum(policyName, defaultCpuSet, entries, type));
  if (typeof policyName !== "string" || typeof defaultCpuSet !== "string" || typeof entries !== "object" || (sum !== 0 && !valid()))
    throw new CorruptCheckpoint();
  if (policyName !== policy) throw new Error(`configured policy ${JSON.stringify(policy)} differs from state checkpoint policy ${JSON.stringify(policyName)}`);
  const parse = (list: string, what: (list: string) => string): CpuSet => {
    try {
      return parseCpuList(list);
    } catch (error) {
      throw new Error(`${what(JSON.stringify(list))}: ${(error as Error).message}`);
    }
  };
  return {
    policy,
    shared: parse(defaultCpuSet, (list) => `could not parse default cpu set ${list}`),
    given: new Map(
      Object.entries(entries).map(([pod, containers]) => [
        pod,
        new Map(
          Object.entries(containers).map(([name, cpus]) => [
            name,
            parse(cpus, (list) => `could not parse cpuset ${list} for container ${JSON.stringify(name)} in pod ${JSON.stringify(pod)}`),
          ]),
        ),
      ]),
    ),
  };
}
