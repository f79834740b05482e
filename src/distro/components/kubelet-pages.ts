/** What the kubelet tells of its process: /statusz, and /flagz where it has a command line of its own. */
import { flagz, statusz, type ZPage } from "../../api/zpages.ts";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import { servedPaths } from "../../kubelet/server/routes.ts";
import { processStart } from "./process-metrics.ts";

export function kubeletPages(flags?: Readonly<Record<string, string>>): readonly ZPage[] {
  const component = "kubelet";
  const paths = (): readonly string[] => [...servedPaths, ...(flags ? ["/flagz"] : [])];
  const status = statusz({ component, started: processStart(systemClock), now: () => systemClock.now(), paths, random: systemRandom });
  return [status, ...(flags ? [flagz(component, flags, systemRandom)] : [])];
}
