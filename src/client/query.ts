/** The query of a request as both transports send it: absent values are left out, lists repeat their name. */
import type { ClientRequest } from "./transport.ts";

export function searchParams(query: ClientRequest["query"]): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  return params;
}
