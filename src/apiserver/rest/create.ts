/** POST on a collection. */
import type { ApiResponse } from "../../api/exchange.ts";
import type { Call } from "./call.ts";
import { decodeObject } from "./decode.ts";
import { bodyMedia } from "./negotiate.ts";
import { writeOptions } from "./options.ts";
import { respondOutcome } from "./respond.ts";
import { checkActs, createObject } from "./write.ts";

export async function create(call: Call): Promise<ApiResponse> {
  const special = call.endpoint.registry.create;
  if (special) return special(call);
  checkActs(call);
  if (call.request.object === undefined) bodyMedia(call.request);
  const options = writeOptions(call, "CreateOptions");
  const decoded = decodeObject(call, options.fieldValidation);
  const object = decoded instanceof Promise ? await decoded : decoded;
  return respondOutcome(call, 201, await createObject(call, object, options));
}
