/** Which subresources have something running behind them, and how a request for an upgrade is refused. */
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { StatusError } from "../../api/status.ts";
import type { Upgrade } from "../http/listener.ts";
import type { RequestInfo } from "../request-info.ts";
import type { SubresourceHandler } from "../rest/call.ts";
import { errorForm } from "../rest/negotiate.ts";
import { respondError } from "../rest/respond.ts";
import type { Connectors } from "../router.ts";
import { table } from "../../base/table.ts";

const connectable = table<string[]>({ pods: ["log", "exec", "attach", "portforward", "proxy"], services: ["proxy"], nodes: ["proxy"] });

/** What is told of a connection that leaves HTTP. */
export interface Admitted {
  readonly info: RequestInfo;
  started(code: number): void;
  ended(error?: unknown): void;
}

/** Says who asks for an upgrade, and whether they may. Rejects with StatusError. */
export type Admit = (request: ApiRequest) => Promise<Admitted>;

/** By `resource/subresource`. */
export function connectorsOf(serve: SubresourceHandler): Connectors {
  return Object.fromEntries(Object.entries(connectable).flatMap(([resource, subresources]) => subresources.map((s) => [`${resource}/${s}`, serve])));
}

/** `work` says when it answers on the socket, and with which code; a StatusError of it before that, or of who admits, is the answer. */
export async function upgrading(
  admit: Admit,
  request: ApiRequest,
  upgrade: Upgrade,
  work: (info: RequestInfo, started: (code: number) => void) => Promise<void>,
): Promise<ApiResponse | undefined> {
  let admitted: Admitted | undefined;
  let begun = false;
  try {
    admitted = await admit(request);
    upgrade.socket.once("close", () => admitted?.ended());
    await work(admitted.info, (code) => {
      begun = true;
      admitted?.started(code);
    });
    return undefined;
  } catch (error) {
    admitted?.ended(error);
    if (begun || !(error instanceof StatusError)) throw error;
    const response = respondError(error, request, errorForm(request));
    const auditID = request.headers["audit-id"];
    if (auditID) response.headers["audit-id"] = auditID;
    return response;
  }
}
