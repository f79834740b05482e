/** cpuManagerPolicyOptions (pkg/kubelet/cm/cpumanager/policy_options.go). */

import { booleanOption } from "../policy-options.ts";
import { table } from "../../base/table.ts";

export interface CpuOptions {
  fullCoresOnly: boolean;
  distributeAcrossNuma: boolean;
  strictReservation: boolean;
  preferCacheAlignment: boolean;
}

const names = table<keyof CpuOptions>({
  "full-pcpus-only": "fullCoresOnly",
  "distribute-cpus-across-numa": "distributeAcrossNuma",
  "strict-cpu-reservation": "strictReservation",
  "prefer-align-cpus-by-uncorecache": "preferCacheAlignment",
});
/** Behind a gate that is off. */
const alpha: ReadonlySet<string> = new Set(["align-by-socket", "distribute-cpus-across-cores"]);

/** Throws with upstream's text for what it refuses. */
export function cpuOptions(given: Readonly<Record<string, string>>): CpuOptions {
  const options: CpuOptions = { fullCoresOnly: false, distributeAcrossNuma: false, strictReservation: false, preferCacheAlignment: false };
  for (const [name, value] of Object.entries(given)) {
    if (alpha.has(name)) throw new Error(`CPU Manager Policy Alpha-level Options not enabled, but option ${JSON.stringify(name)} provided`);
    const option = names[name];
    if (!option) throw new Error(`unknown CPU Manager Policy option: ${JSON.stringify(name)}`);
    options[option] = booleanOption(name, value);
  }
  if (options.preferCacheAlignment && options.distributeAcrossNuma)
    throw new Error("static policy options prefer-align-cpus-by-uncorecache and distribute-cpus-across-numa can not be used at the same time");
  return options;
}
