/** A transport on behalf of somebody else: the server checks that the caller may impersonate. */
import type { ClientRequest, Transport } from "./transport.ts";

/** A service account's groups are added by the server. Disposing of it leaves `transport` open. */
export function impersonating(transport: Transport, user: string): Transport {
  const as = (request: ClientRequest): ClientRequest => ({ ...request, headers: { "impersonate-user": user, ...request.headers } });
  return {
    request: (request) => transport.request(as(request)),
    watch: (request) => transport.watch(as(request)),
    stream: (request) => transport.stream(as(request)),
    [Symbol.asyncDispose]: async () => {},
  };
}
