/** What is asked of others within a trace (semantic conventions of HTTP clients). */
import type { Span } from "../../base/tracing/span.ts";

export function outgoingSpan(within: Span, method: string, url: string): Span {
  const span = within.child(`HTTP ${method}`, { kind: "client" });
  if (span.isKept) {
    const { hostname, port } = new URL(url);
    span.set({ "http.request.method": method, "url.full": url, "server.address": hostname, "server.port": Number(port || 443) });
  }
  return span;
}
