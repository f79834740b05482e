/** How fast a recommendation may be followed (KEP-853, pkg/controller/podautoscaler/horizontal.go). Times in milliseconds. */
import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from "../../api/types/autoscaling-v2.gen.ts";

interface Dated {
  count: number;
  at: number;
}
/** What is remembered of one autoscaler. */
export class History {
  recommendations: Dated[] = [];
  /** How many pods came and went. */
  ups: Dated[] = [];
  downs: Dated[] = [];

  recordScale(behavior: HorizontalPodAutoscalerBehavior, from: number, to: number, now: number): void {
    const rules = to > from ? behavior.scaleUp : behavior.scaleDown;
    const longest = Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds)) * 1000;
    const kept = (events: Dated[]): Dated[] => [...events.filter(({ at }) => at >= now - longest), { count: Math.abs(to - from), at: now }];
    if (to > from) this.ups = kept(this.ups);
    else this.downs = kept(this.downs);
  }
}

export interface Request {
  current: number;
  desired: number;
  min: number;
  max: number;
  behavior?: HorizontalPodAutoscalerBehavior;
  now: number;
  /** --horizontal-pod-autoscaler-downscale-stabilization, milliseconds. @default 300000 */
  downscaleStabilization?: number;
}
export interface Verdict {
  replicas: number;
  /** Of condition AbleToScale. */
  able: { reason: string; message: string };
  /** Of condition ScalingLimited. */
  limited: { limited: boolean; reason: string; message: string };
}

const defaultWindow = 300_000;
const lower = "recent recommendations were lower than current one, applying the lowest recent recommendation";
const higher = "recent recommendations were higher than current one, applying the highest recent recommendation";
const ready = { reason: "ReadyForNewScale", message: "recommended size matches current size" };
const inRange = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };
const tooMany = { reason: "TooManyReplicas", message: "the desired replica count is more than the maximum replica count" };
const tooFew = { reason: "TooFewReplicas", message: "the desired replica count is less than the minimum replica count" };
const tooFast = { reason: "ScaleUpLimit", message: "the desired replica count is increasing faster than the maximum scale rate" };
const tooSoon = { reason: "ScaleDownLimit", message: "the desired replica count is decreasing faster than the maximum scale rate" };

/** Remembers the recommendation. */
export function normalize(history: History, request: Request): Verdict {
  const { desired, behavior } = request;
  const stable = behavior ? stabilize(history, request, behavior) : highestRecent(history, request);
  const limited = behavior ? limitByRules(history, request, stable, behavior) : limitByDefault(request, stable);
  const able =
    stable === desired
      ? ready
      : behavior && desired >= request.current
        ? { reason: "ScaleUpStabilized", message: lower }
        : { reason: "ScaleDownStabilized", message: higher };
  const { replicas, reason, message } = limited;
  return { replicas, able, limited: { limited: replicas !== stable, reason, message } };
}

function highestRecent(history: History, { desired, now, downscaleStabilization = defaultWindow }: Request): number {
  const recent = history.recommendations.filter(({ at }) => at >= now - downscaleStabilization);
  history.recommendations = [...recent, { count: desired, at: now }];
  return Math.max(desired, ...recent.map(({ count }) => count));
}

function stabilize(
  history: History,
  { current, desired, now, downscaleStabilization = defaultWindow }: Request,
  { scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior,
): number {
  const upSince = now - (scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const downSince = now - (scaleDown?.stabilizationWindowSeconds ?? downscaleStabilization / 1000) * 1000;
  const counts = (since: number): number[] => history.recommendations.filter(({ at }) => at > since).map(({ count }) => count);
  const up = Math.min(desired, ...counts(upSince));
  const down = Math.max(desired, ...counts(downSince));
  history.recommendations = [...history.recommendations.filter(({ at }) => at >= Math.min(upSince, downSince)), { count: desired, at: now }];
  return Math.min(Math.max(current, up), down);
}

type Limited = { replicas: number; reason: string; message: string };

function limitByDefault({ current, min, max }: Request, desired: number): Limited {
  const fastest = Math.max(2 * current, 4);
  if (desired < min) return { replicas: min, ...tooFew };
  if (desired > Math.min(max, fastest)) return { replicas: Math.min(max, fastest), ...(max > fastest ? tooFast : tooMany) };
  return { replicas: desired, ...inRange };
}

function limitByRules(history: History, { current, min, max, now }: Request, desired: number, behavior: HorizontalPodAutoscalerBehavior): Limited {
  if (desired > current) {
    const fastest = Math.max(current, farthest(history, current, behavior.scaleUp, now, 1));
    const most = Math.min(max, fastest);
    if (desired > most) return { replicas: most, ...(max > fastest ? tooFast : tooMany) };
  } else if (desired < current) {
    const fastest = Math.min(current, farthest(history, current, behavior.scaleDown, now, -1));
    const least = Math.max(min, fastest);
    if (desired < least) return { replicas: least, ...(min < fastest ? tooSoon : tooFew) };
  }
  return { replicas: desired, ...inRange };
}

/** Where the policies let the count get to now; `way` is 1 for up, -1 for down. */
function farthest({ ups, downs }: History, current: number, rules: HPAScalingRules | undefined, now: number, way: 1 | -1): number {
  const { selectPolicy = "Max", policies = [] } = rules ?? {};
  if (selectPolicy === "Disabled") return current;
  const since = (events: readonly Dated[], period: number): number => events.reduce((sum, { at, count }) => (at > now - period ? sum + count : sum), 0);
  const reached = policies.map(({ type, value, periodSeconds }) => {
    const start = current - since(ups, periodSeconds * 1000) + since(downs, periodSeconds * 1000);
    if (type === "Pods") return start + way * value;
    return way > 0 ? Math.ceil(start * (1 + value / 100)) : Math.trunc(start * (1 - value / 100));
  });
  const far = selectPolicy === "Min" ? -way : way;
  return far > 0 ? Math.max(...reached) : Math.min(...reached);
}
