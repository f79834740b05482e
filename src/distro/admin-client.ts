/** The administrator's client, from the kubeconfig on disk. */
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import { createHttpTransport } from "../client/http-transport.ts";
import { loadKubeconfig } from "../client/kubeconfig.ts";
import { createClient } from "../client/rest.ts";

export function readAdminClient(kubeconfig: string, clock: Clock): Client {
  return createClient(createHttpTransport(loadKubeconfig(kubeconfig, clock)), { userAgent: "k8ts" });
}
