/** GET of one object. */
import type { ApiResponse } from "../../api/exchange.ts";
import { badRequest, notFound } from "../../api/status.ts";
import type { Stored } from "../../cache/cache.ts";
import { queryBool } from "../request-info.ts";
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

/** The same, at the revision that the request names. */
export async function readAsAsked(call: Call): Promise<Stored> {
  const { hub, registry } = call.endpoint;
  if (queryBool(call.request.query.get("export"))) throw badRequest("the export parameter, deprecated since v1.14, is no longer supported");
  if (registry.made) return madeOf(await registry.made.get(call.info.name));
  const version = call.request.query.get("resourceVersion");
  if (version && version !== "0") {
    // Events are read past the watch cache, whose words others have.
    const plain = hub.resource !== "events";
    const namespace = namedIn(hub, call.info);
    parseRevision(version, plain);
    checkKey(hub, namespace, call.info.name);
    await waitForRevision(call, version, plain);
  }
  return read(call, !version);
}

export const get = async (call: Call): Promise<ApiResponse> => respondStored(call, 200, await readAsAsked(call));
