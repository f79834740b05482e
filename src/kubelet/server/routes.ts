/** Paths of the kubelet's API, taken apart. */

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
  | (Common & { kind: "healthz" | "metrics" | "resourceMetrics" | "pods" | "runningPods" })
  | (OfPod & { kind: "portForward" })
  | (OfPod & { kind: "containerLogs" | "exec" | "attach" | "run"; container: string });

/** Throws HttpError 404 for what is no path of ours. */
export function parseRoute(url: string): Route {
  const { pathname: path, searchParams: query } = new URL(url, "https://kubelet");
  const parts = path.split("/").slice(1).map(decode);
  const [first = "", namespace = "", pod = "", ...rest] = parts;
  if (path === "/healthz" || path === "/healthz/ping" || path === "/healthz/syncloop") return { kind: "healthz", path, query };
  if (path === "/metrics") return { kind: "metrics", path, query };
  if (path === "/metrics/resource") return { kind: "resourceMetrics", path, query };
  if (path === "/pods" || path === "/pods/") return { kind: "pods", path, query };
  if (path === "/runningpods" || path === "/runningpods/") return { kind: "runningPods", path, query };
  if (namespace && pod) {
    if (first === "portForward" && rest.length <= 1) return { kind: "portForward", path, query, namespace, pod };
    // A pod's uid may stand between its name and the container's.
    const container = rest.at(-1);
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
