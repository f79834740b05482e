/** A namespace made by the server itself, through its own pipeline. */
import type { ApiHandler } from "../../../api/exchange.ts";
import { StatusError } from "../../../api/status.ts";
import type { Status } from "../../../api/types/meta-v1.gen.ts";
import { askItself } from "../../ask-itself.ts";

/** Rejects with StatusError. */
export async function createNamespace(handler: ApiHandler | undefined, name: string): Promise<void> {
  const headers = { "user-agent": "kube-apiserver-admission" };
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const response = handler && (await askItself(handler, { method: "POST", path: "/api/v1/namespaces", headers, object }));
  if (response && response.status < 300) return;
  const { code = 500, message = "the server is not ready", ...status } = (response?.object ?? {}) as Partial<Status>;
  throw new StatusError({ ...status, code, message });
}
