/** Nodes whose CPU and memory would be used in like measure are better. */
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";

const name = "NodeResourcesBalancedAllocation";

/** 50 for one resource alone used up, 100 for equal shares. A resource of which there is none does not count. */
function balance(cpuUsed: number, cpu: number, memoryUsed: number, memory: number): number {
  if (cpu === 0 || memory === 0) return maxNodeScore;
  const deviation = Math.abs((Math.min(cpuUsed / cpu, 1) - Math.min(memoryUsed / memory, 1)) / 2);
  return Math.trunc((1 - deviation) * maxNodeScore);
}

export const nodeResourcesBalancedAllocation: Plugin = {
  name,
  score({ pod }) {
    const { cpu, memory } = pod.requests;
    if (cpu === 0 && memory === 0) return "skip";
    return {
      score(snapshot, rows, out) {
        for (let i = 0; i < rows.length; i++) {
          const row = rows[i] as number;
          const [allCpu, allMemory, usedCpu, usedMemory] = [snapshot.cpu[row]!, snapshot.memory[row]!, snapshot.usedCpu[row]!, snapshot.usedMemory[row]!];
          const gain = balance(usedCpu + cpu, allCpu, usedMemory + memory, allMemory) - balance(usedCpu, allCpu, usedMemory, allMemory);
          out[i] = maxNodeScore / 2 + Math.trunc((maxNodeScore / 2 + gain) / 2);
        }
      },
    };
  },
};
