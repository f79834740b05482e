/** pods/log: the kubelet's bytes, over HTTP or as messages of a WebSocket (binary.k8s.io and base64.binary.k8s.io). */
import type { ApiResponse } from "../../api/exchange.ts";
import { StatusError } from "../../api/status.ts";
import type { WebSocket } from "ws";
import { bodyWithin } from "../outside/body.ts";
import type { KubeletClient } from "./kubelet-client.ts";
import type { NodeEndpoint } from "./location.ts";
import { send } from "./websocket.ts";

/** Bytes of what a kubelet says when it has no log. */
const longestRefusal = 1 << 20;

export const logSubprotocols = ["binary.k8s.io", "base64.binary.k8s.io"];

/** The kubelet's refusals become Statuses with its words. */
export async function fetchLogs(kubelets: KubeletClient, node: NodeEndpoint | undefined, path: string | undefined, signal: AbortSignal): Promise<ApiResponse> {
  const headers = { "content-type": "text/plain" };
  if (!node || !path) return { status: 204, headers: {} };
  const response = await kubelets.get(node, path, signal);
  const status = response.statusCode ?? 500;
  if (status === 200) return { status, headers: { "content-type": response.headers["content-type"] ?? headers["content-type"] }, body: response };
  const message = (await bodyWithin(response, longestRefusal)).toString().trim();
  const reason = status === 404 ? "NotFound" : status === 400 ? "BadRequest" : status === 403 ? "Forbidden" : "InternalError";
  throw new StatusError({ code: status, reason, message: message || `the kubelet answered ${status}` });
}

export async function sendLogs(socket: WebSocket, protocol: string, response: ApiResponse): Promise<void> {
  const { body } = response;
  const chunks = body instanceof Uint8Array ? [body] : (body ?? []);
  const base64 = protocol.startsWith("base64");
  try {
    for await (const chunk of chunks) await send(socket, base64 ? Buffer.from(chunk).toString("base64") : chunk);
    socket.close(1000);
  } catch {
    // The reader went away; the abort signal of its request ends the kubelet's side.
    socket.terminate();
  }
}
