/** CronJob: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ */
import { isControlledBy, newControllerRef } from "../../api/meta/owner.ts";
import { keyOf, splitKey } from "../../api/object.ts";
import { isAlreadyExists, isNotFound } from "../../api/status.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { CronJob, CronJobStatus, Job } from "../../api/types/batch-v1.gen.ts";
import type { Histogram } from "../../base/metrics.ts";
import { referenceTo } from "../../client/events.ts";
import { cronjobs, jobs as jobResource } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext, Outcome } from "../runtime/controller.ts";
import { statusEqual } from "../runtime/equal.ts";
import { exponential, type Measures } from "../runtime/measures.ts";
import { byController, controllerIndex, resolveController } from "../runtime/ownership.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { dueRun } from "./cron-due.ts";
import { type CronSchedule, CronScheduleError, parseCronSchedule } from "../../api/batch/cron-schedule.ts";
import { finishedCondition, isFinishedJob } from "./finished.ts";

const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export const cronjob: Controller = {
  name: "cronjob-controller",
  account: "cronjob-controller",
  start(context) {
    const { informers, enqueue, measures } = context;
    // Shown before there is anything to show.
    skewOf(measures);
    const crons = informers.informer(cronjobs);
    const jobs = informers.informer(jobResource, { indexes: controllerIndex });
    crons.onChange((_, cron) => {
      if (cron) enqueue(keyOf(cron));
    });
    jobs.onChange((old, job) => {
      for (const one of [old, job]) {
        const cron = one && resolveController(crons, cronjobs, one);
        if (cron) enqueue(keyOf(cron));
      }
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const cron = crons.get(namespace, name);
      if (!cron) return;
      return await new CronSync(context, cron, jobs.by(byController, cron.metadata.uid)).run();
    };
  },
};

/** Seconds by which Jobs came late. */
const skewOf = (measures: Measures): Histogram =>
  measures.histogram(
    "cronjob_controller_job_creation_skew_duration_seconds",
    "[STABLE] Time between when a cronjob is scheduled to be run, and when the corresponding job is created",
    exponential(1, 2, 10),
  );

class CronSync {
  readonly #context: ControllerContext;
  readonly #cron: CronJob;
  readonly #jobs: readonly Job[];
  #status: CronJobStatus;

  constructor(context: ControllerContext, cron: CronJob, jobs: readonly Job[]) {
    this.#context = context;
    this.#cron = cron;
    this.#jobs = jobs;
    this.#status = cron.status ?? {};
  }

  async run(): Promise<Outcome> {
    const { client, signal } = this.#context;
    await this.#cleanUp();
    let outcome: Outcome;
    try {
      await this.#follow();
      outcome = await this.#schedule();
    } finally {
      if (!statusEqual(this.#cron.status, this.#status)) await client.resource(cronjobs).updateStatus({ ...this.#cron, status: this.#status }, { signal });
    }
    return outcome;
  }

  #event(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#context.events.event(referenceTo(cronjobs, this.#cron), type, reason, message);
  }

  #inactive(uid: string | undefined): void {
    this.#status = { ...this.#status, active: (this.#status.active ?? []).filter((ref) => ref.uid !== uid) };
  }

  /** Brings the list of active Jobs up to date. */
  async #follow(): Promise<void> {
    for (const job of this.#jobs) {
      const listed = (this.#status.active ?? []).some((ref) => ref.uid === job.metadata.uid);
      const finished = finishedCondition(job);
      if (!listed && !finished && !job.metadata.deletionTimestamp) {
        this.#event("Warning", "UnexpectedJob", `Saw a job that the controller did not create or forgot: ${job.metadata.name}`);
      }
      if (listed && finished) {
        this.#inactive(job.metadata.uid);
        this.#event("Normal", "SawCompletedJob", `Saw completed job: ${job.metadata.name}, condition: ${finished.type}`);
      }
      const done = finished?.type === "Complete" ? job.status.completionTime : undefined;
      const last = this.#status.lastSuccessfulTime;
      if (done && (!last || parseTime(done) > parseTime(last))) this.#status = { ...this.#status, lastSuccessfulTime: done };
    }
    const present = new Set(this.#jobs.map((job) => job.metadata.uid));
    for (const ref of this.#status.active ?? []) {
      if (present.has(ref.uid ?? "")) continue;
      const live = await this.#getJob(ref.name ?? "");
      if (live) continue;
      this.#event("Normal", "MissingJob", `Active job went missing: ${ref.name}`);
      this.#inactive(ref.uid);
    }
  }

  async #schedule(): Promise<Outcome> {
    const cron = this.#cron;
    const { spec } = cron;
    if (cron.metadata.deletionTimestamp || spec.suspend) return undefined;
    let schedule: CronSchedule;
    try {
      schedule = parseCronSchedule(spec.schedule, spec.timeZone);
    } catch (error) {
      if (!(error instanceof CronScheduleError)) throw error;
      if (error.message.startsWith("unknown time zone"))
        this.#event("Warning", "UnknownTimeZone", `invalid timeZone: ${JSON.stringify(spec.timeZone)}: ${error.message}`);
      else this.#event("Warning", "UnparseableSchedule", `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${error.message}`);
      return undefined;
    }
    const now = this.#context.clock.now();
    const next = schedule.next(now);
    // A little late rather than too early: then the run would not be due yet.
    const again: Outcome = next === undefined ? undefined : { requeueAfter: next - now + 100 };
    const { at, tooManyMissed } = dueRun(cron, schedule, now);
    if (tooManyMissed) {
      const advice = "Set or decrease .spec.startingDeadlineSeconds or check clock skew";
      this.#event("Warning", "TooManyMissedTimes", `too many missed start times. ${advice}`);
    }
    if (at === undefined) return again;
    if (spec.startingDeadlineSeconds !== undefined && at + spec.startingDeadlineSeconds * 1000 < now) {
      this.#event("Warning", "MissSchedule", `Missed scheduled time to start a job: ${rfc1123z(at)}`);
      return again;
    }
    const name = `${cron.metadata.name}-${Math.floor(at / 60_000)}`;
    const { lastScheduleTime, active = [] } = this.#status;
    if (active.some((ref) => ref.name === name) || (lastScheduleTime && parseTime(lastScheduleTime) === at)) return again;
    if (spec.concurrencyPolicy === "Forbid" && active.length > 0) {
      this.#event("Normal", "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid");
      return again;
    }
    if (spec.concurrencyPolicy === "Replace") {
      for (const ref of active) {
        const job = await this.#getJob(ref.name ?? "");
        if (job) await this.#deleteJob(job);
        this.#inactive(ref.uid);
      }
    }
    await this.#start(name, at);
    return again;
  }

  async #start(name: string, at: number): Promise<void> {
    const { client, signal } = this.#context;
    const namespace = this.#cron.metadata.namespace as string;
    const { metadata, spec } = this.#cron.spec.jobTemplate;
    let job: Job;
    try {
      job = await client.resource(jobResource).create(
        namespace,
        {
          metadata: {
            name,
            namespace,
            ...(metadata?.labels ? { labels: metadata.labels } : {}),
            annotations: { ...metadata?.annotations, [scheduledAnnotation]: inZone(at, this.#cron.spec.timeZone) },
            ownerReferences: [newControllerRef(this.#cron, "batch/v1", "CronJob")],
          },
          spec,
        },
        { signal },
      );
      skewOf(this.#context.measures).observe((parseTime(job.metadata.creationTimestamp) - at) / 1000);
      this.#event("Normal", "SuccessfulCreate", `Created job ${name}`);
    } catch (error) {
      if (!isAlreadyExists(error)) {
        if (!signal.aborted) this.#event("Warning", "FailedCreate", `Error creating job: ${messageOf(error)}`);
        throw error;
      }
      job = await client.resource(jobResource).get(namespace, name, { signal });
      if (!isControlledBy(job, this.#cron)) return;
    }
    this.#status = { ...this.#status, active: [...(this.#status.active ?? []), referenceTo(jobResource, job)], lastScheduleTime: formatTime(at) };
  }

  /** Deletes the oldest finished Jobs beyond the history limits. */
  async #cleanUp(): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = this.#cron.spec;
    const finished = this.#jobs.filter((job) => isFinishedJob(job) && !job.metadata.deletionTimestamp);
    for (const [type, limit] of [
      ["Complete", successfulJobsHistoryLimit],
      ["Failed", failedJobsHistoryLimit],
    ] as const) {
      if (limit === undefined) continue;
      const started = (job: Job): number => (job.status.startTime ? parseTime(job.status.startTime) : Number.POSITIVE_INFINITY);
      const jobs = finished
        .filter((job) => finishedCondition(job)?.type === type)
        .sort((a, b) => started(a) - started(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
      for (const job of jobs.slice(0, Math.max(0, jobs.length - limit))) {
        await this.#deleteJob(job);
        this.#inactive(job.metadata.uid);
      }
    }
  }

  async #deleteJob({ metadata: { namespace = "", name, uid } }: Job): Promise<void> {
    const { client, signal } = this.#context;
    try {
      await client.resource(jobResource).delete(namespace, name, { propagationPolicy: "Background", preconditions: { uid }, signal });
      this.#event("Normal", "SuccessfulDelete", `Deleted job ${name}`);
    } catch (error) {
      if (isNotFound(error)) return;
      if (!signal.aborted) this.#event("Warning", "FailedDelete", `Deleted job: ${messageOf(error)}`);
      throw error;
    }
  }

  async #getJob(name: string): Promise<Job | undefined> {
    const { client, signal } = this.#context;
    try {
      return await client.resource(jobResource).get(this.#cron.metadata.namespace as string, name, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

/** `Mon, 02 Jan 2006 15:04:05 +0000` */
const rfc1123z = (ms: number): string => new Date(ms).toUTCString().replace("GMT", "+0000");

/** RFC 3339 with the zone's offset. */
function inZone(ms: number, zone: string | undefined): string {
  if (!zone || zone === "UTC" || zone === "Etc/UTC") return formatTime(ms);
  const part: Record<string, string> = {};
  const options = {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  } as const;
  for (const { type, value } of new Intl.DateTimeFormat("en-US", options).formatToParts(ms)) part[type] = value;
  const offset = part.timeZoneName === "GMT" ? "Z" : (part.timeZoneName ?? "").slice(3);
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}${offset}`;
}
