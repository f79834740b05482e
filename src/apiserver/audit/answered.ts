/** What the audit hears of an answer. */
import type { ApiResponse } from "../../api/exchange.ts";
import type { Status } from "../../api/types/meta-v1.gen.ts";
import { whenEnded } from "../when-ended.ts";
import type { AuditRecord } from "./auditor.ts";

/** Tells the audit of the answer: at once, or for a stream when it ends. */
export function audited(audit: AuditRecord, response: ApiResponse, long: boolean, refusal: Partial<Status> | undefined): ApiResponse {
  const { body } = response;
  const json = body instanceof Uint8Array && response.headers["content-type"] === "application/json" ? body : undefined;
  if (audit.wantsResponse) {
    const object = refusal ?? response.object ?? (json && (JSON.parse(Buffer.from(json).toString("utf8")) as object));
    if (object) audit.responseObject(object);
  }
  if (!long) {
    audit.end(response.status, refusal);
    return response;
  }
  audit.started(response.status);
  return whenEnded(response, () => audit.end(response.status));
}
