/** Tells of each flow schema whether its priority level exists: the condition Dangling (pkg/util/flowcontrol/apf_controller.go). */
import type { ApiHandler } from "../../api/exchange.ts";
import { formatTime } from "../../api/time.ts";
import type { FlowSchema, FlowSchemaCondition } from "../../api/types/flowcontrol-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import { askItself } from "../ask-itself.ts";
import { flowSchemas, priorityLevels } from "./flow-control.ts";

export interface DanglingOptions {
  reader: Reader;
  handler: ApiHandler;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const manager = "api-priority-and-fairness-config-consumer-v1";
/** Several servers that disagree must not write without end. */
const writesAMinute = 6;
const retryMs = 1_000;

/** What the condition has to become; undefined where it is right. */
export function judgeDangling({ spec, status }: FlowSchema, exists: boolean, now: string): FlowSchemaCondition | undefined {
  const name = JSON.stringify(spec.priorityLevelConfiguration?.name ?? "");
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${name}`;
  const wanted = exists
    ? { status: "False", reason: "Found", message: `${about} and it exists` }
    : { status: "True", reason: "NotFound", message: `${about} but there is no such object` };
  const old = status?.conditions?.find(({ type }) => type === "Dangling");
  if (old?.status === wanted.status && old.reason === wanted.reason && old.message === wanted.message) return undefined;
  return { type: "Dangling", ...wanted, lastTransitionTime: now };
}

export class DanglingController implements AsyncDisposable {
  readonly #options: DanglingOptions;
  /** Times of the writes to each schema in the last minute. */
  readonly #writes = new Map<string, number[]>();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: DanglingOptions) {
    this.#options = options;
    for (const resource of [flowSchemas, priorityLevels]) options.reader.onChange(resource, () => this.#changed());
    this.#changed();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }
  #changed(): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = this.#sync().finally(() => {
      this.#running = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.#changed();
    });
  }
  async #sync(): Promise<void> {
    // The change that brought us here is told to others first.
    await Promise.resolve();
    const { reader, clock, logger } = this.#options;
    for (const schema of reader.list(flowSchemas) as unknown as FlowSchema[]) {
      if (this.#closed) return;
      const { name } = schema.metadata;
      const exists = reader.get(priorityLevels, "", schema.spec.priorityLevelConfiguration?.name ?? "") !== undefined;
      const condition = judgeDangling(schema, exists, formatTime(clock.now()));
      if (!condition) continue;
      if (!this.#mayWrite(name)) this.#later(30_000 + this.#options.random.int(45_000));
      else if (!(await this.#write(name, condition))) {
        logger.warn("a flow schema's condition is not kept, will be tried again", { flowSchema: name });
        this.#later(retryMs);
      }
    }
  }
  #mayWrite(name: string): boolean {
    const now = this.#options.clock.monotonic();
    const recent = (this.#writes.get(name) ?? []).filter((at) => now - at < 60_000);
    const allowed = recent.length < writesAMinute;
    if (allowed) recent.push(now);
    this.#writes.set(name, recent);
    return allowed;
  }
  #later(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => this.#changed());
  }
  async #write(name: string, condition: FlowSchemaCondition): Promise<boolean> {
    const object = { apiVersion: "flowcontrol.apiserver.k8s.io/v1", kind: "FlowSchema", metadata: { name }, status: { conditions: [condition] } };
    const { status } = await askItself(this.#options.handler, {
      method: "PATCH",
      path: `/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/${name}/status`,
      query: { fieldManager: manager, force: "true" },
      headers: { "content-type": "application/apply-patch+yaml" },
      body: Buffer.from(JSON.stringify(object)),
    });
    // One that is gone needs no condition.
    return status < 300 || status === 404;
  }
}
