/** Nodes whose CPU and memory would be used in like measure are better. */
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { columnsOf, isCpuAndMemory, type ResourceColumn, wantsAny } from "./resource-columns.ts";

const name = "NodeResourcesBalancedAllocation";

/** 50 for one resource alone used up, 100 for equal shares. A resource of which there is none does not count. */
function balance(cpuUsed: number, cpu: number, memoryUsed: number, memory: number): number {
  if (cpu === 0 || memory === 0) return maxNodeScore;
  const deviation = Math.abs((Math.min(cpuUsed / cpu, 1) - Math.min(memoryUsed / memory, 1)) / 2);
  return Math.trunc((1 - deviation) * maxNodeScore);
}

/** The same for any resources: by the standard deviation of their shares. */
function balanceOf(columns: readonly ResourceColumn[], row: number, withPod: boolean): number {
  const shares: number[] = [];
  for (const { allocatable, used, wanted } of columns) {
    const capacity = allocatable[row] as number;
    if (capacity !== 0) shares.push(Math.min((used[row]! + (withPod ? wanted : 0)) / capacity, 1));
  }
  if (shares.length < 2) return maxNodeScore;
  if (shares.length === 2) return Math.trunc((1 - Math.abs((shares[0]! - shares[1]!) / 2)) * maxNodeScore);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const squares = shares.reduce((sum, share) => sum + (share - mean) * (share - mean), 0);
  return Math.trunc((1 - Math.sqrt(squares / shares.length)) * maxNodeScore);
}

const points = (gain: number): number => maxNodeScore / 2 + Math.trunc((maxNodeScore / 2 + gain) / 2);

export const nodeResourcesBalancedAllocation = ({ resources }: PluginArgs["NodeResourcesBalancedAllocation"]): Plugin => ({
  name,
  score({ pod, cluster }) {
    if (!wantsAny(pod.requests, resources, false)) return "skip";
    if (!isCpuAndMemory(resources)) {
      return {
        score(snapshot, rows, out) {
          const columns = columnsOf({ snapshot, cluster, rows }, pod.requests, resources, false);
          for (let i = 0; i < rows.length; i++) {
            const row = rows[i] as number;
            out[i] = points(balanceOf(columns, row, true) - balanceOf(columns, row, false));
          }
        },
      };
    }
    const { cpu, memory } = pod.requests;
    return {
      score({ cpu: cpus, memory: memories, usedCpu: cpusUsed, usedMemory: memoriesUsed }, rows, out) {
        for (let i = 0; i < rows.length; i++) {
          const row = rows[i] as number;
          const allCpu = cpus[row] as number;
          const allMemory = memories[row] as number;
          const usedCpu = cpusUsed[row] as number;
          const usedMemory = memoriesUsed[row] as number;
          const gain = balance(usedCpu + cpu, allCpu, usedMemory + memory, allMemory) - balance(usedCpu, allCpu, usedMemory, allMemory);
          out[i] = points(gain);
        }
      },
    };
  },
});
