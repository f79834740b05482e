/** A component's client, from its kubeconfig. */
import { systemClock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { createHttpTransport, type HttpTransportOptions } from "../../client/http-transport.ts";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import type { ClientMetrics } from "./client-metrics.ts";
import { FlagError } from "./flag-error.ts";

/** Throws FlagError for a file that is missing, cannot be read or asks for what is not supported. */
export function connection(kubeconfig: string, where = "--kubeconfig"): HttpTransportOptions {
  if (!kubeconfig) throw new FlagError([`${where} is required: the file with the address of the API server and the identity to use`]);
  try {
    return loadKubeconfig(kubeconfig, systemClock);
  } catch (error) {
    throw new FlagError([`${where}: ${(error as Error).message}`]);
  }
}

/** Sessions are opened when the first request is made. */
export function clientFrom(options: HttpTransportOptions, userAgent: string, metrics?: ClientMetrics): Client {
  const transport = createHttpTransport(options);
  return createClient(metrics?.measure(transport, options.server) ?? transport, { userAgent });
}
