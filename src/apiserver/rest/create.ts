/** POST on a collection. */
import type { ApiResponse } from "../../api/exchange.ts";
import type { Call } from "./call.ts";
import { decodeObject } from "./decode.ts";
import { writeOptions } from "./options.ts";
import { respondOutcome } from "./respond.ts";
import { checkActs, createObject } from "./write.ts";

/** Throws and rejects with what is refused. */
export function create(call: Call): Promise<ApiResponse> {
  const special = call.endpoint.registry.create;
  if (special) return special(call);
  checkActs(call);
  const options = writeOptions(call, "CreateOptions");
  const decoded = decodeObject(call, options.fieldValidation);
  const made = decoded instanceof Promise ? decoded.then((object) => createObject(call, object, options)) : createObject(call, decoded, options);
  return made.then((outcome) => respondOutcome(call, 201, outcome));
}
