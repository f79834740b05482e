/** Whether a request asks for a WebSocket (k8s.io/streaming/pkg/httpstream/wsstream, IsWebSocketRequest). */
import type { ApiRequest } from "../api/exchange.ts";

export const isWebSocketRequest = ({ headers }: Pick<ApiRequest, "headers">): boolean =>
  headers.upgrade?.toLowerCase() === "websocket" && headers.connection?.toLowerCase().includes("upgrade") === true;
