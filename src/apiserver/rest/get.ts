/** GET of one object. */
import type { ApiResponse } from "../../api/exchange.ts";
import { notFound } from "../../api/status.ts";
import type { Stored } from "../../cache/cache.ts";
import { type Call, namespaceOf } from "./call.ts";
import { madeOf } from "./made.ts";
import { checkKey, namedIn } from "./place.ts";
import { respondStored } from "./respond.ts";
import { parseRevision, waitForRevision } from "./revision.ts";

/** Throws 404. */
export async function read(call: Call, anew = false): Promise<Stored> {
  const { endpoint, info } = call;
  const stored = await endpoint.cache.get(namespaceOf(call), info.name, anew ? { anew } : undefined);
  if (!stored) throw notFound(endpoint.groupResource, info.name);
  return stored;
}

export async function get(call: Call): Promise<ApiResponse> {
  const { hub, registry } = call.endpoint;
  if (registry.made) return respondStored(call, 200, madeOf(await registry.made.get(call.info.name)));
  const version = call.request.query.get("resourceVersion");
  if (version && version !== "0") {
    // Events are read past the watch cache, whose words others have.
    const plain = hub.resource !== "events";
    const namespace = namedIn(hub, call.info);
    parseRevision(version, plain);
    checkKey(hub, namespace, call.info.name);
    await waitForRevision(call, version, plain);
  }
  return respondStored(call, 200, await read(call, !version));
}
