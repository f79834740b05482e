/** Which run of a CronJob is due (pkg/controller/cronjob/utils.go). Pure. */
import { parseTime } from "../../api/time.ts";
import type { CronJob } from "../../api/types/batch-v1.gen.ts";
import type { CronSchedule } from "../../api/batch/cron-schedule.ts";

export interface Due {
  /** The latest time that has come and not been served; milliseconds since the epoch. */
  at?: number;
  /** More than a hundred runs were missed. */
  tooManyMissed: boolean;
}

export function dueRun(cron: CronJob, schedule: CronSchedule, now: number): Due {
  const { lastScheduleTime } = cron.status ?? {};
  let earliest = parseTime(lastScheduleTime ?? cron.metadata.creationTimestamp);
  const deadline = cron.spec.startingDeadlineSeconds;
  if (deadline !== undefined) earliest = Math.max(earliest, now - deadline * 1000);
  const first = schedule.next(earliest);
  if (first === undefined || first > now) return { tooManyMissed: false };
  const second = schedule.next(first);
  if (second === undefined || second > now) return { at: first, tooManyMissed: false };
  // Jumps near the end by the distance of two runs instead of walking over all that was missed.
  const period = second - first;
  const missed = Math.floor((now - first) / period) + 1;
  let at = first;
  for (let t = schedule.next(Math.max(earliest, first + (missed - 2) * period)); t !== undefined && t <= now; t = schedule.next(t)) at = t;
  return { at, tooManyMissed: missed > 100 };
}
