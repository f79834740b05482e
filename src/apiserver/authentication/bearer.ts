/**
 * Where a request carries its token: the Authorization header, or, for browsers, a WebSocket subprotocol
 * (k8s.io/apiserver/pkg/authentication/request/{bearertoken,websocket}).
 */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import { unauthorized } from "../../api/status.ts";
import { trimSpace } from "../../base/trim.ts";
import { isWebSocketRequest } from "../websocket-request.ts";
import { type Authenticator, type TokenAnswer, type TokenAuthenticator, TokenError } from "./authenticator.ts";

const subprotocolPrefix = "base64url.bearer.authorization.k8s.io.";

/** The token after `Bearer`; undefined for another scheme, or none. */
export function bearerToken(header: string | undefined): string | undefined {
  const parts = header === undefined ? [] : trimSpace(header).split(" ", 3);
  return parts.length >= 2 && parts[0]?.toLowerCase() === "bearer" && parts[1] ? parts[1] : undefined;
}

/** The token in the subprotocols offered, and the subprotocols without it. Throws StatusError 401 for a malformed one. */
export function webSocketToken(request: ApiRequest): { token: string; protocols: string[] } | undefined {
  const header = request.headers["sec-websocket-protocol"];
  if (!header?.includes(subprotocolPrefix) || !isWebSocketRequest(request)) return undefined;
  const offered = header.split(",").map((protocol) => protocol.trim());
  const tokens = offered.filter((protocol) => protocol.startsWith(subprotocolPrefix)).map((protocol) => protocol.slice(subprotocolPrefix.length));
  const protocols = offered.filter((protocol) => !protocol.startsWith(subprotocolPrefix));
  const encoded = tokens[0] as string;
  if (tokens.length > 1 || !/^[A-Za-z0-9_-]*$/.test(encoded) || encoded.length % 4 === 1) throw unauthorized();
  let token: string;
  try {
    token = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64url"));
  } catch {
    throw unauthorized();
  }
  if (!token) return undefined;
  if (!protocols.length) throw unauthorized();
  return { token, protocols };
}

/** Takes the token out of the request's headers once it was accepted, so that nothing behind it can leak it. */
export function bearerAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  const refuse = (error: unknown): never => {
    throw error instanceof TokenError ? unauthorized() : error;
  };
  const check = (token: string, taken: () => void): UserInfo | Promise<UserInfo> => {
    const accept = (found: TokenAnswer): UserInfo => {
      if (!found) throw unauthorized();
      taken();
      return found.user;
    };
    let found: ReturnType<TokenAuthenticator["authenticateToken"]>;
    try {
      found = tokens.authenticateToken(token, audiences);
    } catch (error) {
      return refuse(error);
    }
    return found instanceof Promise ? found.then(accept, refuse) : accept(found);
  };
  return {
    authenticate(request) {
      const token = bearerToken(request.headers.authorization);
      if (token) return check(token, () => delete request.headers.authorization);
      const offered = webSocketToken(request);
      if (!offered) return undefined;
      return check(offered.token, () => {
        request.headers["sec-websocket-protocol"] = offered.protocols.join(",");
        delete request.repeatedHeaders?.["sec-websocket-protocol"];
      });
    },
  };
}
