/**
 * node:http without what an `import` of it brings along: that looks at all that the module exports, and so loads undici and
 * node:http2 for a browser's WebSocket (2.4 to 3 MiB in each process).
 */
import type { Agent as HttpAgent, ServerResponse as HttpServerResponse } from "node:http";

export const { Agent, createServer, request, ServerResponse, STATUS_CODES } = process.getBuiltinModule("node:http");
export type Agent = HttpAgent;
export type ServerResponse = HttpServerResponse;
