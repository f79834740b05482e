/** Pods die gracefully, are bound and evicted (pkg/registry/core/pod). */
import type { Pod } from "../../../api/types/core-v1.gen.ts";
import type { Registry } from "../../rest/call.ts";
import { bindNamed } from "./binding.ts";
import { evict } from "./eviction.ts";

export const podRegistry = (): Registry => ({
  gracefulDelete(object, options) {
    const pod = object as Pod;
    let period = options.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    if (!pod.spec.nodeName) period = 0;
    if (pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded") period = 0;
    options.gracePeriodSeconds = period < 0 ? 1 : period;
    return true;
  },
  subresources: { binding: bindNamed, eviction: evict },
});
