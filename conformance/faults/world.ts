/**
 * A cluster on startCluster's parts (memory store, virtual clock, one seed) in which one controller, or the scheduler, runs
 * as a process of its own, whose requests may go wrong and which is started afresh after it was killed.
 */
import type { UserInfo } from "../../src/api/exchange.ts";
import { assembleApiServer } from "../../src/apiserver/assemble.ts";
import { signToken } from "../../src/apiserver/authentication/service-account-keys.ts";
import { VirtualClock } from "../../src/base/clock.ts";
import { createLogger, type Logger } from "../../src/base/logger.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Client } from "../../src/client/client.ts";
import { createInformerFactory, withoutManagedFields } from "../../src/client/factory.ts";
import { type FaultPlan, FaultyProcess } from "../../src/client/faulty-transport.ts";
import { createInProcessTransport } from "../../src/client/in-process-transport.ts";
import { createClient } from "../../src/client/rest.ts";
import type { Transport } from "../../src/client/transport.ts";
import { controllers, startControllers } from "../../src/controllers/all.ts";
import type { ControllerOptions } from "../../src/controllers/runtime/options.ts";
import type { RunningControllers } from "../../src/controllers/runtime/start.ts";
import { administrator, type ControlPlane } from "../../src/distro/control-plane.ts";
import { Quiet } from "../../src/distro/quiet.ts";
import { seededKey } from "../../src/distro/seeded-key.ts";
import { startSimulatedNodes } from "../../src/distro/simulated-nodes.ts";
import { createScheduler } from "../../src/scheduler/scheduler.ts";
import type { Stage } from "../../src/sim/stage.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { KeyValue, Store } from "../../src/store/store.ts";

/** What a world begins with: the keys of another one, and its time. */
export interface Beginning {
  items: KeyValue[];
  now: number;
}

export interface WorldOptions {
  seed: number;
  nodes: number;
  stages: readonly Stage[];
  beginning?: Beginning;
  /** The controller that runs alone, with its plan. Absent: all run together, without faults. */
  target?: { name: string; plan: FaultPlan };
  controllers?: ControllerOptions;
  /** Around every transport of the controllers. */
  around?(transport: Transport, world: World): Transport;
  /** Lines of warnings and errors go there. */
  log?(line: string): void;
}

const tokens = seededKey(seededRandom(0));
/** Milliseconds between the death of a controller and the start of the next one. */
const restartDelay = 500;
/** Turns of the event loop within one moment after which the world has run wild. */
const patience = 5000;
/** Runs and restarts as controllers do. */
const schedulerName = "kube-scheduler";
const account = (name: string): UserInfo => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
});
const user = (name: string): UserInfo => ({ name, groups: ["system:authenticated"] });

export class World implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly store: Store;
  /** As the administrator. */
  readonly client: Client;
  /** Programming errors that a controller's loop would have hidden. */
  readonly blunders: string[];
  readonly #quiet: Quiet;
  readonly #closing: AsyncDisposable[];
  readonly #ended: Promise<void>[] = [];

  private constructor(clock: VirtualClock, store: Store, client: Client, quiet: Quiet, closing: AsyncDisposable[], blunders: string[]) {
    this.blunders = blunders;
    this.clock = clock;
    this.store = store;
    this.client = client;
    this.#quiet = quiet;
    this.#closing = closing;
  }

  static async start(options: WorldOptions): Promise<World> {
    const { beginning } = options;
    const quiet = new Quiet();
    const virtual = new VirtualClock(beginning?.now);
    const clock = quiet.sleeping(virtual);
    const random = seededRandom(options.seed);
    const blunders: string[] = [];
    const logger = watchful(virtual, blunders, options.log);
    const store = memoryStore({ clock });
    for (const { key, value } of beginning?.items ?? []) await store.create(key, value);
    const api = await assembleApiServer({
      clock,
      random,
      logger,
      store,
      serviceAccountKey: tokens.pem,
      serviceAccountIssuer: "https://kubernetes.default.svc.cluster.local",
      serviceRanges: ["10.96.0.0/16"],
    });
    const handler = quiet.watching(api.server.handler);
    const clientAs = (who: UserInfo, userAgent: string): Client => createClient(createInProcessTransport({ handler, user: who }), { userAgent });
    const closing: AsyncDisposable[] = [{ [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }];
    const world = new World(virtual, store, clientAs(administrator, "k8ts"), quiet, closing, blunders);

    const run = (only: readonly string[], process?: FaultyProcess): RunningControllers =>
      startControllers({
        clientFor(name) {
          const who = name === "shared-informers" ? user("system:kube-controller-manager") : account(name);
          let transport = createInProcessTransport({ handler, user: who });
          if (options.around) transport = options.around(transport, world);
          return createClient(process ? process.transport(transport) : transport, { userAgent: `kube-controller-manager/${name}` });
        },
        clock,
        random,
        logger: logger.child("controllers"),
        options: { signServiceAccountToken: (claims) => signToken(claims, tokens.signing), rootCA: "the authority", ...options.controllers },
        only,
      });
    const { target } = options;
    closing.push(run(controllers.map((c) => c.name).filter((name) => name !== target?.name)));
    if (target && target.name !== schedulerName) closing.push(new Restarting(virtual, target.plan, (process) => run([target.name], process)));

    const schedule = (process?: FaultyProcess): AsyncDisposable => {
      const stop = new AbortController();
      const transport = createInProcessTransport({ handler, user: user(`system:${schedulerName}`) });
      const client = createClient(process ? process.transport(transport) : transport, { userAgent: schedulerName });
      const common = { client, clock, random, logger: logger.child("scheduler") };
      const informers = createInformerFactory({ ...common, project: withoutManagedFields });
      const scheduler = createScheduler({ ...common, informers });
      informers.start(stop.signal);
      const ended = scheduler.run(stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) blunders.push(`the scheduler ended: ${error instanceof Error ? error.stack : String(error)}`);
      });
      return {
        async [Symbol.asyncDispose]() {
          stop.abort(new Error("the scheduler stops"));
          await ended;
        },
      };
    };
    closing.push(target?.name === schedulerName ? new Restarting(virtual, target.plan, schedule) : schedule());
    const plane: ControlPlane = { api, clientAs, [Symbol.asyncDispose]: async () => {} };
    closing.push(await startSimulatedNodes({ plane, clock, random, logger, name: "node", count: options.nodes, stages: options.stages }));
    await quiet.reached(patience);
    return world;
  }

  settled(): Promise<void> {
    return this.#quiet.reached(patience);
  }

  /** Moves time forward, carrying out everything that falls due. */
  async advance(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    for (;;) {
      await this.#quiet.reached(patience);
      const next = this.clock.next();
      if (next === undefined || next > until) break;
      await this.clock.advance(next - this.clock.now());
    }
    await this.clock.advance(until - this.clock.now());
    await this.#quiet.reached(patience);
  }

  /** All that there is, for another world to begin with. */
  async asBeginning(): Promise<Beginning> {
    return { items: (await this.store.list("/")).items, now: this.clock.now() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let part = this.#closing.pop(); part; part = this.#closing.pop()) await part[Symbol.asyncDispose]();
    await Promise.all(this.#ended);
    await this.store[Symbol.asyncDispose]();
  }
}

/** A process that is there again after a while when it was killed. */
class Restarting implements AsyncDisposable {
  readonly #clock: VirtualClock;
  readonly #plan: FaultPlan;
  readonly #run: (process: FaultyProcess) => AsyncDisposable;
  #process: FaultyProcess;
  #running: AsyncDisposable;
  #dying: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(clock: VirtualClock, plan: FaultPlan, run: (process: FaultyProcess) => AsyncDisposable) {
    this.#clock = clock;
    this.#plan = plan;
    this.#run = run;
    this.#process = this.#next();
    this.#running = run(this.#process);
  }

  #next(after?: FaultyProcess): FaultyProcess {
    return new FaultyProcess({ clock: this.#clock, plan: this.#plan, ...(after ? { after } : {}), onKilled: () => this.#killed() });
  }
  #killed(): void {
    const dead = this.#running;
    this.#dying = this.#dying.then(() => dead[Symbol.asyncDispose]());
    this.#clock.after(restartDelay, () => {
      if (this.#closed) return;
      this.#process = this.#next(this.#process);
      this.#running = this.#run(this.#process);
    });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#process.kill();
    await this.#running[Symbol.asyncDispose]();
    await this.#dying;
  }
}

/** Notes errors of the program itself, which a loop that retries would hide. */
function watchful(clock: VirtualClock, blunders: string[], log: ((line: string) => void) | undefined): Logger {
  const wrap = (logger: Logger): Logger => {
    const noting =
      (level: "warn" | "error") =>
      (message: string, fields?: Record<string, unknown>): void => {
        for (const value of Object.values(fields ?? {}))
          if (value instanceof TypeError || value instanceof RangeError || value instanceof ReferenceError) blunders.push(`${message}: ${value.stack}`);
        logger[level](message, fields);
      };
    return { ...logger, warn: noting("warn"), error: noting("error"), child: (name) => wrap(logger.child(name)) };
  };
  return wrap(createLogger({ name: "world", clock, level: log ? "debug" : "warn", write: (line) => log?.(line) }));
}
