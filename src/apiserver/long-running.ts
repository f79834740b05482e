/** Requests that may last: no time limit, and no place among those that are carried out (k8s.io/apiserver/pkg/server/filters/longrunning.go). */
import type { ApiRequest } from "../api/exchange.ts";
import type { RequestInfo } from "./request-info.ts";

const subresources = new Set(["attach", "exec", "proxy", "log", "portforward"]);

export const isLong = (info: RequestInfo, request: Pick<ApiRequest, "path">): boolean =>
  info.verb === "watch" || info.verb === "proxy" || (info.isResource && subresources.has(info.subresource)) || request.path.startsWith("/debug/pprof");
