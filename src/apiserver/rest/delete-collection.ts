/** DELETE of a collection: each object that the selectors choose, as if it were deleted by name. */
import type { ApiResponse } from "../../api/exchange.ts";
import { isNotFound } from "../../api/status.ts";
import type { Stored } from "../../cache/cache.ts";
import type { Call, DeleteOptions } from "./call.ts";
import { deleteObject, deleteOptions, warnOfOrphans } from "./delete.ts";
import { page, respondPage } from "./list.ts";
import { listOptions } from "./options.ts";
import { selection } from "./selection.ts";

const parallel = 16;
/** Upstream takes one after the other and stops at the first that it may not delete; with preconditions that tells which are left. */
const workersFor = ({ preconditions }: DeleteOptions): number => (preconditions ? 1 : parallel);

/** By what is stored, which is not parsed for it. */
const mayWait = ({ bytes }: Stored): boolean => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"finalizers":[');

/**
 * Of those in a row that all go at once, or all wait for finalizers: one takes longer than the other, and who watches is to see them in
 * the order of the list.
 */
function endOfRun(items: readonly Stored[], from: number): number {
  const first = mayWait(items[from] as Stored);
  let end = from + 1;
  while (end < items.length && mayWait(items[end] as Stored) === first) end++;
  return end;
}

export async function deleteCollection(call: Call): Promise<ApiResponse> {
  const { endpoint, info, request } = call;
  const selected = listOptions(request.query, false);
  selection(endpoint, selected);
  const options = await deleteOptions(call);
  warnOfOrphans(call, options);
  // Upstream goes through pages, of its own size where none is asked for; what is below none is no page.
  const chosen = await page(call, selected, selected.limit >= 0);
  const { items } = chosen;
  let next = 0;
  const worker = async (end: number): Promise<void> => {
    while (next < end) {
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
  while (next < items.length) {
    const end = endOfRun(items, next);
    const outcomes = await Promise.allSettled(Array.from({ length: Math.min(workersFor(options), end - next) }, () => worker(end)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
  }
  // What cannot be shown as the client wishes is gone all the same.
  return respondPage(call, chosen);
}
