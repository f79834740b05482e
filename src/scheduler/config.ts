/** How the scheduler works: its profiles and its back-offs. */
import type { Profile } from "./framework/schedule.ts";
import { defaultPlugins, defaultWeights } from "./plugins/default-plugins.ts";

export interface SchedulerConfig {
  /** By scheduler name. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Milliseconds. @default 1000 */
  readonly podInitialBackoff?: number;
  /** Milliseconds. @default 10000 */
  readonly podMaxBackoff?: number;
}

export const defaultConfig: SchedulerConfig = {
  profiles: new Map([["default-scheduler", { plugins: defaultPlugins, weights: defaultWeights, percentageOfNodesToScore: 0, preempts: true }]]),
};
