/** A server that reaches no kubelet, as with simulated nodes: what would need one is refused, with upgrades or without. */
import { type StatusError, serviceUnavailable } from "../../api/status.ts";
import type { UpgradeHandler } from "../http/listener.ts";
import type { RequestInfo } from "../request-info.ts";
import type { Connectors } from "../router.ts";
import { type Admit, connectorsOf, upgrading } from "./connectable.ts";

const refusal = ({ resource, subresource, name }: RequestInfo): StatusError =>
  serviceUnavailable(`${resource}/${subresource} of "${name}" needs a container that runs, and this API server reaches no kubelet`);

export const unreachable = {
  handlers: (): Connectors => connectorsOf(({ info }) => Promise.reject(refusal(info))),
  upgradeHandler:
    (admit: Admit): UpgradeHandler =>
    (request, upgrade) =>
      upgrading(admit, request, upgrade, async (info) => {
        throw refusal(info);
      }),
  close(): void {},
};
