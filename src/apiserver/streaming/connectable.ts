/** Which subresources have something running behind them, and how a request for an upgrade is refused. */
import type { ApiRequest } from "../../api/exchange.ts";
import { StatusError } from "../../api/status.ts";
import { answer } from "../../base/relay.ts";
import type { Upgrade } from "../http/listener.ts";
import type { RequestInfo } from "../request-info.ts";
import type { SubresourceHandler } from "../rest/call.ts";
import type { Connectors } from "../router.ts";

const connectable: Record<string, string[]> = { pods: ["log", "exec", "attach", "portforward", "proxy"], services: ["proxy"], nodes: ["proxy"] };

/** Says who asks for an upgrade, and whether they may. Rejects with StatusError. */
export type Admit = (request: ApiRequest) => Promise<{ info: RequestInfo }>;

export const isConnectable = ({ group, resource, subresource }: RequestInfo): boolean =>
  group === "" && (connectable[resource]?.includes(subresource) ?? false);

/** By `resource/subresource`. */
export function connectorsOf(serve: SubresourceHandler): Connectors {
  return Object.fromEntries(Object.entries(connectable).flatMap(([resource, subresources]) => subresources.map((s) => [`${resource}/${s}`, serve])));
}

/** A StatusError of `work` is answered on the socket. */
export async function refusing(upgrade: Upgrade, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    answer(upgrade.socket, error.code, error.reason, "application/json", JSON.stringify(error.status));
  }
}
