import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from "../api/exchange.ts";
import type { Status } from "../api/types/meta-v1.gen.ts";

/** Whom the API server takes itself for. */
export const loopbackUser: UserInfo = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] };

export interface OwnRequest extends Pick<ApiRequest, "method" | "path">, Partial<Pick<ApiRequest, "headers" | "body" | "object" | "signal">> {
  query?: Record<string, string>;
}

/**
 * The server's own request, on the way of everyone's: authorization, admission and audit included (upstream's loopback client).
 * Objects come and go by reference. A refusal is an answer, as for others.
 */
export const askItself = (handler: ApiHandler, { method, path, query, headers, body, object, signal }: OwnRequest): Promise<ApiResponse> =>
  handler({
    method,
    path,
    query: new URLSearchParams(query),
    headers: { "user-agent": "kube-apiserver", ...headers },
    ...(body === undefined ? {} : { body }),
    ...(object === undefined ? {} : { object }),
    asObject: true,
    user: loopbackUser,
    remoteAddress: "127.0.0.1",
    signal: signal ?? new AbortController().signal,
  });

/** Why an answer is a refusal. */
export const refusalOf = ({ status, object }: ApiResponse): string => (object as Status | undefined)?.message ?? `status ${status}`;
