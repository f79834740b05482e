/** Subresources whose object is of another kind than what is stored. */
import type { ApplyOperation } from "../../api/apply/apply.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Call } from "./call.ts";
import type { FieldValidation } from "./options.ts";
import type { Outcome } from "./respond.ts";

/** What is shown, and changed, in the place of what is stored (upstream: a rest.UpdatedObjectInfo around the handler's). */
export interface StandIn {
  /** The same request about it, as if that were what is stored. */
  call: Call;
  decode(validation: FieldValidation): Promise<KubeObject>;
  /** `stored` is not changed. Throws StatusError, as all of these. */
  of(stored: KubeObject): KubeObject;
  /** What is to be stored once it has become `made`. */
  into(stored: KubeObject, made: KubeObject): KubeObject;
  /** Why it cannot be applied. */
  refusals?(applied: JSONObject): Pick<ApplyOperation, "unowned" | "unmade">;
  respond(outcome: Outcome): ApiResponse;
}
