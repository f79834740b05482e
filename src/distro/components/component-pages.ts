/** /statusz of a component, and /flagz where it has a command line of its own. */
import { flagz, statusz, type ZPage } from "../../api/zpages.ts";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import { processStart } from "./process-metrics.ts";

/** `paths`: all that are served but /statusz itself. */
export function componentPages(component: string, paths: () => readonly string[], flags?: Readonly<Record<string, string>>): readonly ZPage[] {
  const status = statusz({ component, started: processStart(systemClock), now: () => systemClock.now(), paths, random: systemRandom });
  return [status, ...(flags ? [flagz(component, flags, systemRandom)] : [])];
}
