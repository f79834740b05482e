/**
 * A whole cluster inside this process, for tests: API server, controllers, scheduler and simulated nodes over a store in
 * memory. No root, no files, no port unless asked.
 *
 * With `clock: "virtual"` time stands still but for advance(), and with a `seed` one program gives one history: names, uids,
 * versions, times, tokens and order of all events, byte for byte. Only certificates, which a port and certificate requests
 * need, are new each time.
 */
import { generateKeyPairSync } from "node:crypto";
import type { UserInfo } from "../api/exchange.ts";
import type { Node } from "../api/types/core-v1.gen.ts";
import { signToken } from "../apiserver/authentication/service-account-keys.ts";
import { type Clock, systemClock, VirtualClock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { Owned } from "../base/owned.ts";
import { seededRandom, systemRandom } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { nodes } from "../client/resources.gen.ts";
import { withStages } from "../sim/built-in-stages.ts";
import { parseStages } from "../sim/parse-stages.ts";
import { memoryStore } from "../store/memory.ts";
import type { SignRequest } from "../controllers/runtime/options.ts";
import { administrator, type ControlPlane, startControlPlane } from "./control-plane.ts";
import { Quiet } from "./quiet.ts";
import { seededKey } from "./seeded-key.ts";
import { startSimulatedNodes } from "./simulated-nodes.ts";
import type { Certificates, openPort } from "./test-access.ts";

export interface StartClusterOptions {
  /** How many simulated nodes. @default 1 */
  nodes?: number;
  /** Of the first node; the others are NAME-2, NAME-3, ... @default "node" */
  nodeName?: string;
  /** "virtual": starts at 2026-01-01T00:00:00Z and moves by advance() alone. @default "real" */
  clock?: "real" | "virtual";
  /** One seed, one sequence of names and uids. Not for secrets. Absent: every run has its own. */
  seed?: number;
  /** kwok Stages, as YAML text, instead of the built-in ones for the kinds they are about; or several, with names for their mistakes. */
  stages?: string | readonly { file: string; text: string }[];
  /** Port on 127.0.0.1 to serve HTTPS on from the start; 0: any free one. Absent: none until kubeconfig() is called. */
  port?: number;
  /** Admission plugins that are left out. */
  disabledAdmissionPlugins?: readonly string[];
  /** @default silent */
  logger?: Logger;
}

export interface Cluster extends AsyncDisposable {
  /** As the administrator (group system:masters). */
  readonly client: Client;
  /** As anybody; a name alone is a user of the group system:authenticated. Every request is authorized as that user's. */
  clientAs(user: string | UserInfo): Client;
  /** YAML of the administrator's kubeconfig. Opens a TLS port on 127.0.0.1 with certificates made for this cluster. */
  kubeconfig(): Promise<string>;
  /** With the virtual clock: moves time forward, carrying out everything that falls due. Rejects with the real one. */
  advance(ms: number): Promise<void>;
  /** Resolves when no component has anything to do until time moves on or somebody writes. */
  settled(): Promise<void>;
  /** The cluster's time. */
  readonly clock: Clock;
}

const serviceRange = "10.96.0.0/16";
/** Milliseconds that nodes get to become Ready. */
const readyLimit = 60_000;

/** Resolves when every node is Ready and takes pods. Throws StageFileError for stages that cannot be read. */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const { nodes: count = 1 } = options;
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`nodes: a whole number from 0, not ${count}`);
  const owned = new Owned();
  try {
    return await assemble(options, count, owned);
  } catch (error) {
    await owned[Symbol.asyncDispose]();
    throw error;
  }
}

async function assemble(options: StartClusterOptions, count: number, owned: Owned): Promise<Cluster> {
  const virtual = options.clock === "virtual" ? new VirtualClock() : undefined;
  const random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
  const logger = options.logger ?? silentLogger;
  const { stages: sources = [] } = options;
  const stages = withStages(typeof sources === "string" ? parseStages(sources, "stages") : sources.flatMap(({ file, text }) => parseStages(text, file)));
  const quiet = new Quiet();
  const clock: Clock = virtual ? quiet.sleeping(virtual) : systemClock;
  const door = new Door(clock, logger);
  const store = owned.use(memoryStore({ clock }));
  const seeded = options.seed === undefined ? undefined : seededKey(random);
  const certificates = options.port === undefined ? undefined : (await door.prepare()).certificates;
  const plane = owned.use(
    await startControlPlane({
      clock,
      random,
      logger,
      store,
      serviceAccountKey: seeded?.pem ?? (generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }) as string),
      serviceAccountIssuer: "https://kubernetes.default.svc.cluster.local",
      serviceRanges: [serviceRange],
      ...(certificates ? { clientCa: certificates.ca } : {}),
      controllers: {
        signRequest: async (asked) => (await door.signer())(asked),
        ...(seeded ? { signServiceAccountToken: (claims) => signToken(claims, seeded.signing) } : {}),
      },
      ...(options.disabledAdmissionPlugins ? { disabledPlugins: options.disabledAdmissionPlugins } : {}),
      around: (handler) => quiet.watching(handler),
    }),
  );
  owned.use(door);
  owned.use(await startSimulatedNodes({ plane, clock, random, logger, name: options.nodeName ?? "node", count, stages }));
  const client = plane.clientAs(administrator, "k8ts");
  const advance = async (ms: number): Promise<void> => {
    if (!virtual) throw new Error('time moves by itself here: advance() is for startCluster({ clock: "virtual" })');
    const until = virtual.now() + ms;
    for (;;) {
      await quiet.reached();
      const next = virtual.next();
      if (next === undefined || next > until) break;
      await virtual.advance(next - virtual.now());
    }
    await virtual.advance(until - virtual.now());
    await quiet.reached();
  };
  await (virtual ? readyByAdvancing(client, count, virtual, advance, quiet) : readyByWatching(client, count, clock));
  if (options.port !== undefined) await door.open(plane, options.port);
  return {
    client,
    clientAs: (user) => plane.clientAs(typeof user === "string" ? { name: user, groups: ["system:authenticated"] } : user, "k8ts"),
    kubeconfig: () => door.open(plane, 0),
    advance,
    settled: () => quiet.reached(),
    clock,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

const takesPods = (node: Node): boolean =>
  (node.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false) &&
  !node.spec?.taints?.some((t) => t.key === "node.kubernetes.io/not-ready");

async function readyByAdvancing(client: Client, count: number, clock: VirtualClock, advance: (ms: number) => Promise<void>, quiet: Quiet): Promise<void> {
  const deadline = clock.now() + readyLimit;
  for (;;) {
    await quiet.reached();
    const { items } = await client.resource(nodes).list();
    if (items.filter(takesPods).length >= count) return;
    const next = clock.next();
    if (next === undefined || next > deadline) throw new Error(`${count} nodes are not Ready`);
    await advance(next - clock.now());
  }
}

async function readyByWatching(client: Client, count: number, clock: Clock): Promise<void> {
  const ready = new Set<string>();
  const stop = new AbortController();
  const limit = clock.after(readyLimit, () => stop.abort(new Error(`${ready.size} of ${count} nodes are Ready after ${readyLimit / 1000} s`)));
  try {
    if (count === 0) return;
    const { items, metadata } = await client.resource(nodes).list({ signal: stop.signal });
    const see = (node: Node): number => (takesPods(node) ? ready.add(node.metadata.name) : ready).size;
    for (const node of items) see(node);
    if (ready.size >= count) return;
    for await (const event of client.resource(nodes).watch({ resourceVersion: metadata.resourceVersion, signal: stop.signal }))
      if (see(event.object) >= count) return;
  } finally {
    limit.cancel();
    stop.abort(new Error("no longer needed"));
  }
}

/** The way in from other processes; its code and its certificates are there once somebody asks. */
class Door implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #access: Promise<{ certificates: Certificates; openPort: typeof openPort }> | undefined;
  #signer: Promise<SignRequest> | undefined;
  #opened: ReturnType<typeof openPort> | undefined;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }
  /** Idempotent. */
  prepare(): Promise<{ certificates: Certificates; openPort: typeof openPort }> {
    this.#access ??= import("./test-access.ts").then(async (access) => ({ certificates: await access.makeCertificates(), openPort: access.openPort }));
    return this.#access;
  }
  /** For the requests that the cluster's own signers answer; made with the certificates. */
  async signer(): Promise<SignRequest> {
    const { certificates } = await this.prepare();
    this.#signer ??= import("./request-signer.ts").then(({ requestSigner }) =>
      requestSigner({ certificate: certificates.ca, key: certificates.key, clock: systemClock }),
    );
    return this.#signer;
  }
  /** Opens once; the port of the first call counts. Gives the kubeconfig. */
  async open(plane: ControlPlane, port: number): Promise<string> {
    const { certificates, openPort } = await this.prepare();
    this.#opened ??= openPort({ plane, certificates, port, clock: this.#clock, logger: this.#logger });
    return (await this.#opened).kubeconfig;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#opened)?.close();
  }
}
