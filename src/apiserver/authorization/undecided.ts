/** No authorizer allowed the request, and one of them could not be asked (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.InternalError). */
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { aggregateText } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { StatusError } from "../../api/status.ts";
import { targetOf } from "../request-info.ts";
import { escapeHTML } from "./forbidden.ts";

export class Undecided extends StatusError {
  constructor(request: Pick<ApiRequest, "target" | "path" | "query">, errors: readonly string[]) {
    super({ code: 500, reason: "InternalError", message: escapeHTML(`Internal Server Error: ${goQuote(targetOf(request))}: ${aggregateText(errors)}`) });
  }
  /** Text, as upstream has it. */
  response(request: Pick<ApiRequest, "asObject">): ApiResponse {
    if (request.asObject) return { status: 500, headers: {}, object: this.status };
    return {
      status: 500,
      headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
      body: Buffer.from(`${this.message}\n`),
    };
  }
}
