/** Paths of the kubelet's API, taken apart. */
import { table } from "../../base/table.ts";

/** Answered with this status and this text. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Common {
  path: string;
  query: URLSearchParams;
}
interface OfPod extends Common {
  namespace: string;
  pod: string;
}
export type Route =
  | (Common & { kind: "healthz" | "pods" | "runningPods" | "configz" | "logs" | "statsSummary" | "slis" | "zpage" | MetricsPage })
  | (OfPod & { kind: "portForward" })
  | (OfPod & { kind: "containerLogs" | "exec" | "attach" | "run" | "checkpoint"; container: string });

export type MetricsPage = "metrics" | "resourceMetrics" | "cadvisorMetrics" | "probeMetrics";
const pages = table<MetricsPage | "runningPods" | "configz" | "statsSummary" | "pods" | "slis" | "zpage">({
  "/metrics": "metrics",
  "/metrics/resource": "resourceMetrics",
  "/metrics/cadvisor": "cadvisorMetrics",
  "/metrics/probes": "probeMetrics",
  "/metrics/slis": "slis",
  "/stats/summary": "statsSummary",
  "/runningpods": "runningPods",
  "/configz": "configz",
  "/pods": "pods",
  "/statusz": "zpage",
  "/flagz": "zpage",
});
/** What /statusz tells to be served, besides /flagz where that is. */
export const servedPaths: readonly string[] = [
  ...["attach", "checkpoint", "containerLogs", "exec", "healthz", "logs", "portForward", "run"].map((first) => `/${first}`),
  ...Object.keys(pages).filter((path) => pages[path] !== "zpage"),
];
/** Served only where debugging handlers are on. */
const debugging = new Set(["run", "exec", "attach", "portForward", "containerLogs", "runningpods", "logs", "debug", "checkpoint", "configz"]);

/** Whether upstream's switch of debugging handlers takes the path away. */
export const isDebugging = (path: string): boolean => debugging.has(path.split("/")[1] ?? "");

/** Throws HttpError 404 for what is no path of ours. */
export function parseRoute(url: string): Route {
  const { pathname: path, searchParams: query } = new URL(url, "https://kubelet");
  const parts = path.split("/").slice(1).map(decode);
  const [first = "", namespace = "", pod = "", ...rest] = parts;
  if (path === "/healthz" || path.startsWith("/healthz/")) return { kind: "healthz", path, query };
  const page = Object.hasOwn(pages, path.replace(/\/$/, "")) ? pages[path.replace(/\/$/, "")] : undefined;
  if (page) return { kind: page, path, query };
  if (path === "/logs" || path.startsWith("/logs/")) return { kind: "logs", path: parts.length ? `/${parts.join("/")}` : path, query };
  if (namespace && pod) {
    if (first === "portForward" && rest.length <= 1) return { kind: "portForward", path, query, namespace, pod };
    // A pod's uid may stand between its name and the container's.
    const container = rest.at(-1);
    if (container && rest.length === 1 && first === "checkpoint") return { kind: first, path, query, namespace, pod, container };
    if (container && rest.length <= 2 && (first === "containerLogs" || first === "exec" || first === "attach" || first === "run"))
      return { kind: first, path, query, namespace, pod, container };
  }
  throw new HttpError(404, "404 page not found");
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, `invalid URL escape in ${JSON.stringify(segment)}`);
  }
}
