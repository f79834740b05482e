/** What waits and runs where, as text: /debug/api_priority_and_fairness/ (k8s.io/apiserver/pkg/util/flowcontrol/apf_controller_debug.go). */
import type { ApiResponse } from "../../api/exchange.ts";
import { apiVersionOf } from "../../api/schema/schema.ts";
import { formatDuration, formatMicroTime } from "../../api/time.ts";
import type { Clock } from "../../base/clock.ts";
import type { Level } from "./levels.ts";
import { type FlowRequest, formatSeatSeconds } from "./queue-set.ts";

const prefix = "/debug/api_priority_and_fairness/";

/** Every cell but the last of a row ends in a comma, and columns stand below each other. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(8, ...rows.map((row) => (row[column] as string).length + 2)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : `${cell},`.padEnd(widths[column] as number))).join("");
  return `${rows.map(line).join("\n")}\n`;
}

function priorityLevels(levels: readonly Level[]): string[][] {
  const header = ["PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing", "WaitingRequests", "ExecutingRequests"];
  const rows = levels.map(({ name, set, quiescing }) => [
    name,
    ...[set.queues.filter((queue) => queue.waiting.length > 0).length, set.isIdle, quiescing, set.waiting, set.executing.size].map(String),
    // Nothing is ever said to have timed out: who waits too long counts as cancelled.
    ...[set.dispatched, set.rejected, 0, set.cancelled].map(String),
  ]);
  return [[...header, "DispatchedRequests", "RejectedRequests", "TimedoutRequests", "CancelledRequests"], ...rows];
}

function queues(levels: readonly Level[]): string[][] {
  const rows = levels.flatMap(({ name, set }) =>
    set.queues.map((queue, index) => [
      name,
      ...[index, queue.waiting.length, queue.executing, queue.seatsInUse].map(String),
      formatSeatSeconds(queue.nextR),
      String(queue.waiting.reduce((sum, request) => sum + request.initialSeats, 0)),
      String(queue.waiting.reduce((sum, request) => sum + request.maxSeats, 0)),
      formatSeatSeconds(queue.waitingWork),
    ]),
  );
  return [
    ["PriorityLevelName", "Index", "PendingRequests", "ExecutingRequests", "SeatsInUse", "NextDispatchR", "InitialSeatsSum", "MaxSeatsSum", "TotalWorkSum"],
    ...rows,
  ];
}

const detailed = ["UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource"];

function requests(levels: readonly Level[], clock: Clock, details: boolean): string[][] {
  const zero = clock.now() - clock.monotonic();
  const time = (monotonic: number): string => formatMicroTime(zero + monotonic);
  const row = (level: Level, queue: number, index: number, request: FlowRequest): string[] => {
    const { info, user, distinguisher } = request.about;
    return [
      level.name,
      request.flow.schema,
      String(queue),
      String(index),
      distinguisher,
      time(request.arrived),
      String(request.initialSeats),
      String(request.finalSeats),
      formatDuration(request.additionalLatency),
      request.state === "waiting" ? "0001-01-01T00:00:00Z" : time(request.started),
      ...(details ? [user.name, info.verb, info.path, info.namespace, info.name, apiVersionOf(info.group, info.version), info.resource, info.subresource] : []),
    ];
  };
  const rows = levels.flatMap((level) => [
    ...level.set.queues.flatMap((queue, i) => queue.waiting.map((request, j) => row(level, i, j, request))),
    ...[...level.set.executing].map((request) => row(level, request.queue?.index ?? -1, -1, request)),
  ]);
  const header = ["PriorityLevelName", "FlowSchemaName", "QueueIndex", "RequestIndexInQueue", "FlowDistingsher", "ArriveTime"];
  return [[...header, "InitialSeats", "FinalSeats", "AdditionalLatency", "StartTime", ...(details ? detailed : [])], ...rows];
}

const answer = (rows: readonly (readonly string[])[]): ApiResponse => ({
  status: 200,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: Buffer.from(table(rows)),
});

/** Undefined for a path that is none of these. */
export function dump(path: string, query: URLSearchParams, levels: readonly Level[], clock: Clock): ApiResponse | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const what = path.slice(prefix.length);
  if (what === "dump_priority_levels") return answer(priorityLevels(levels));
  if (what === "dump_queues") return answer(queues(levels));
  return what === "dump_requests" ? answer(requests(levels, clock, Boolean(query.get("includeRequestDetails")))) : undefined;
}
