/** GET componentstatuses: what components answer now when they are asked how they are (pkg/registry/core/componentstatus). */
import type { ComponentStatus } from "../../../api/types/core-v1.gen.ts";
import { notFound } from "../../../api/status.ts";
import type { ComponentCheck } from "../../outside/component-health.ts";
import type { Registry } from "../../rest/call.ts";

export function componentStatusRegistry(checks: ReadonlyMap<string, ComponentCheck>): Registry {
  const statusOf = async (name: string, check: ComponentCheck): Promise<ComponentStatus> => {
    const { healthy, message, error } = await check();
    return {
      kind: "ComponentStatus",
      apiVersion: "v1",
      metadata: { name } as ComponentStatus["metadata"],
      conditions: [{ type: "Healthy", status: healthy ? "True" : "False", ...(message ? { message } : {}), ...(error ? { error } : {}) }],
    };
  };
  return {
    made: {
      list: () => Promise.all([...checks].map(([name, check]) => statusOf(name, check))),
      get(name) {
        const check = checks.get(name);
        if (!check) throw notFound("componentstatus", name);
        return statusOf(name, check);
      },
    },
  };
}

/** The store, under the name that upstream's has: there is one. `read` rejects where it cannot be read. */
export const storeCheck =
  (read: () => Promise<void>): ComponentCheck =>
  () =>
    read().then(
      () => ({ healthy: true, message: "ok" }),
      (error: unknown) => ({ healthy: false, message: "", error: error instanceof Error ? error.message : String(error) }),
    );
