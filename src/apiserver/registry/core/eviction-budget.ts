/**
 * Disruption budgets as an eviction meets them (pkg/registry/core/pod/storage/eviction.go): read and spent by requests of the
 * server's own, so that what judges, marks and audits a write of anyone's does so with these; never by a stale count.
 */
import { deepCopy } from "../../../api/copy.ts";
import { findCondition, setCondition } from "../../../api/meta/conditions.ts";
import type { KubeObject } from "../../../api/object.ts";
import { SelectorError, selectorOf } from "../../../api/selectors/labels.ts";
import { forbidden, isConflict, StatusError, tooManyRequests } from "../../../api/status.ts";
import { formatTime } from "../../../api/time.ts";
import type { Pod } from "../../../api/types/core-v1.gen.ts";
import type { Condition, Status, StatusCause } from "../../../api/types/meta-v1.gen.ts";
import type { PodDisruptionBudget } from "../../../api/types/policy-v1.gen.ts";
import type { OwnRequest } from "../../ask-itself.ts";
import type { Call } from "../../rest/call.ts";

/** As often as upstream tries, and milliseconds in between. */
export const tries = 20;
const pause = 500;

/** Waits until something that did not fit because of somebody else's write is tried again; false: not again. `left` tries are left, with the present one. */
export async function again({ rest, request }: Call, error: unknown, left: number): Promise<boolean> {
  if (left === 1 || !isConflict(error)) return false;
  await rest.clock.sleep(pause * (1 + rest.random.next() / 10), request.signal);
  return true;
}

const maxDisruptedPods = 2000;
const cannot = "Cannot evict pod as it would violate the pod's disruption budget.";

export function held(seconds: number, message: string): StatusError {
  const error = tooManyRequests(cannot, seconds);
  return new StatusError({
    ...error.status,
    code: 429,
    message: cannot,
    details: { ...(seconds ? { retryAfterSeconds: seconds } : {}), causes: [{ reason: "DisruptionBudget", message } as StatusCause] },
  });
}

function exhausted({ conditions, observedGeneration }: NonNullable<PodDisruptionBudget["status"]>, now: string): Condition[] {
  const generation = observedGeneration ? { observedGeneration } : {};
  return setCondition(conditions, { type: "DisruptionAllowed", status: "False", ...generation, reason: "InsufficientPods", message: "" }, now);
}

/** The budget with one disruption less. Throws the 429 of one that allows none. */
function spend(budget: PodDisruptionBudget, podName: string, now: string): PodDisruptionBudget {
  const name = budget.metadata.name;
  const status = budget.status as NonNullable<PodDisruptionBudget["status"]>;
  if ((status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0))
    throw held(10, `The disruption budget ${name} is still being processed by the server.`);
  if (status.disruptionsAllowed < 0) throw forbidden("poddisruptionbudget.policy", name, "pdb disruptions allowed is negative");
  if (Object.keys(status.disruptedPods ?? {}).length > maxDisruptedPods)
    throw forbidden("poddisruptionbudget.policy", name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  if (status.disruptionsAllowed === 0) {
    const condition = findCondition(status.conditions, "DisruptionAllowed");
    const message = condition?.status === "False" && condition.message ? condition.message : "";
    if (message && condition?.reason === "SyncFailed")
      throw held(0, `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${message}`);
    if (status.currentHealthy <= status.desiredHealthy)
      throw held(0, `The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`);
    if (message) throw held(0, `The disruption budget ${name} does not allow evicting pods currently (${condition?.reason}): ${message}`);
    throw held(0, `The disruption budget ${name} does not allow evicting pods currently`);
  }
  const copy = deepCopy(budget);
  const next = copy.status as typeof status;
  next.disruptionsAllowed--;
  next.disruptedPods = { ...next.disruptedPods, [podName]: now };
  if (next.disruptionsAllowed === 0) next.conditions = exhausted(next, now);
  return copy;
}

/** What the server answers itself. Throws its refusals. */
async function ask<T>({ rest }: Call, request: OwnRequest): Promise<T> {
  const { status, object } = await rest.ask(request);
  if (status >= 300) throw new StatusError(object as Status & { code: number; message: string });
  return object as T;
}

const pathOf = ({ info }: Call): string => `/apis/policy/v1/namespaces/${info.namespace}/poddisruptionbudgets`;

function selects({ spec }: PodDisruptionBudget, pod: Pod): boolean {
  try {
    return selectorOf(spec?.selector).matches(pod.metadata.labels);
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}

export async function budgetsOf(call: Call, pod: Pod): Promise<PodDisruptionBudget[]> {
  const { items } = await ask<{ items: PodDisruptionBudget[] }>(call, { method: "GET", path: pathOf(call) });
  return items.filter((budget) => selects(budget, pod));
}

/** Takes one disruption off the budget, unless it is only tried. Rejects with the 429 of one that allows none. */
export async function spendOn(call: Call, budget: PodDisruptionBudget, dryRun: boolean): Promise<void> {
  const path = `${pathOf(call)}/${budget.metadata.name}`;
  let present = budget;
  for (let left = tries; ; left--) {
    const spent = spend(present, call.info.name, formatTime(call.rest.clock.now()));
    if (dryRun) return;
    try {
      await ask(call, { method: "PUT", path: `${path}/status`, object: spent as unknown as KubeObject });
      return;
    } catch (error) {
      if (!(await again(call, error, left))) throw error;
    }
    present = await ask<PodDisruptionBudget>(call, { method: "GET", path });
  }
}
