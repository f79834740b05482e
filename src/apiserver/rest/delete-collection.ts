/** DELETE of a collection: each object that the selectors choose, as if it were deleted by name. */
import type { ApiResponse } from "../../api/exchange.ts";
import { isNotFound } from "../../api/status.ts";
import type { Call, DeleteOptions } from "./call.ts";
import { deleteObject, deleteOptions, warnOfOrphans } from "./delete.ts";
import { page, respondPage } from "./list.ts";
import { listOptions } from "./options.ts";
import { selection } from "./selection.ts";

const parallel = 16;
/** Upstream takes one after the other and stops at the first that it may not delete; with preconditions that tells which are left. */
const workersFor = ({ preconditions }: DeleteOptions): number => (preconditions ? 1 : parallel);

export async function deleteCollection(call: Call): Promise<ApiResponse> {
  const { endpoint, info, request } = call;
  const selected = listOptions(request.query, false);
  selection(endpoint, selected);
  const options = await deleteOptions(call);
  warnOfOrphans(call, options);
  const chosen = await page(call, selected, true);
  const { items } = chosen;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      request.signal.throwIfAborted();
      const item = items[next++];
      if (!item) return;
      const one: Call = { ...call, info: { ...info, verb: "delete", name: item.name } };
      try {
        if (endpoint.registry.delete) await endpoint.registry.delete(one, item.name, { ...options });
        else await deleteObject(one, { ...options }, true);
      } catch (error) {
        if (isNotFound(error)) continue;
        // Nobody begins another one, and the answer waits for those that are under way.
        next = items.length;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(workersFor(options), items.length) }, worker));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
  // What cannot be shown as the client wishes is gone all the same.
  return respondPage(call, chosen);
}
