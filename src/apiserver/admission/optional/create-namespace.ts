/** A namespace made by the server itself, through its own pipeline. */
import { loopbackUser } from "../../loopback-user.ts";
import type { ApiHandler } from "../../../api/exchange.ts";
import { StatusError } from "../../../api/status.ts";
import type { Status } from "../../../api/types/meta-v1.gen.ts";

/** Rejects with StatusError. */
export async function createNamespace(handler: ApiHandler | undefined, name: string): Promise<void> {
  const response = await handler?.({
    method: "POST",
    path: "/api/v1/namespaces",
    query: new URLSearchParams(),
    headers: { "user-agent": "kube-apiserver-admission" },
    object: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    asObject: true,
    user: loopbackUser,
    remoteAddress: "127.0.0.1",
    signal: new AbortController().signal,
  });
  if (response && response.status < 300) return;
  const { code = 500, message = "the server is not ready", ...status } = (response?.object ?? {}) as Partial<Status>;
  throw new StatusError({ ...status, code, message });
}
