/** The end of a pod on this node: its containers are stopped, then its volumes and cgroups are taken down. */
import type { Pod } from "../api/types/core-v1.gen.ts";
import { podCgroupPath } from "./resources.ts";
import type { RuntimePod } from "./runtime-pod.ts";
import type { WorkerServices } from "./worker-services.ts";

/** Milliseconds. */
const cgroupRetry = 100;
const cgroupTries = 50;

/** Seconds that the pod's containers have; undefined: as their spec says. `asked`: by somebody else than the API. */
function graceOf(pod: Pod, asked: number | undefined): number | undefined {
  if (asked !== undefined || !pod.metadata.deletionTimestamp) return asked;
  return Math.max(1, pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30);
}

/** Stops what runs of `state`. Rejects when something could not be stopped. */
export async function stopPod(services: WorkerServices, pod: Pod, state: RuntimePod, asked: number | undefined, signal: AbortSignal): Promise<void> {
  const grace = graceOf(pod, asked);
  try {
    await services.killer.pod(pod, state, { ...(grace === undefined ? {} : { grace }), signal });
  } catch (error) {
    if (!signal.aborted) services.events.pod(pod, "Warning", "FailedKillPod", `error killing pod: ${(error as Error).message}`);
    throw error;
  }
}

/** To be called when nothing of the pod runs. Rejects when something is left; calling again goes on. */
export async function tearDown({ volumes, cgroups, config, objects, sync, clock }: WorkerServices, pod: Pod): Promise<void> {
  const { uid } = pod.metadata;
  await volumes.remove(uid);
  const cgroup = podCgroupPath(pod, config.cgroupRoot);
  for (let tries = 0; !cgroups.remove(cgroup); tries++) {
    if (tries >= cgroupTries) throw new Error(`processes are left in ${cgroup}`);
    await clock.sleep(cgroupRetry);
  }
  objects.forget(uid);
  sync.forget(uid);
}
