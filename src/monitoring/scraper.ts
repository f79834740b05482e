/** Asks every kubelet for what its node and pods use, with an identity of its own, again and again. */
import { Agent, request } from "node:https";
import type { Node } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type NodePoints, parseResourceMetrics } from "./points.ts";
import type { UsageStore } from "./usage.ts";

export interface ScraperOptions {
  nodes(): readonly Node[];
  store: UsageStore;
  /** PEM: the kubelets' authority, and the certificate that is shown to them. */
  tls: { ca: string; cert: string; key: string };
  clock: Clock;
  logger: Logger;
  /** Milliseconds between scrapes. */
  resolution: number;
  signal: AbortSignal;
}

/** Milliseconds until the second look: two make the first figures. */
const secondLook = 3000;
/** Bytes of an answer: a node with 1,000 pods has some 500 kB. */
const limit = 32 << 20;
/** Kubelets asked at the same time. */
const parallel = 50;
const addressTypes = ["InternalIP", "Hostname", "ExternalIP"];

export function kubeletAddress({ status }: Node): { host: string; port: number } | undefined {
  const addresses = status.addresses ?? [];
  const address = addressTypes.flatMap((type) => addresses.filter((one) => one.type === type))[0];
  return address && { host: address.address, port: status.daemonEndpoints?.kubeletEndpoint?.Port || 10250 };
}

export class Scraper implements AsyncDisposable {
  readonly #options: ScraperOptions;
  readonly #agent: Agent;
  #running: Promise<void> = Promise.resolve();
  #scrapes = 0;
  #lastGood: number | undefined;
  readonly #failing = new Set<string>();

  constructor(options: ScraperOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: parallel, ...options.tls });
  }

  /** Milliseconds since the epoch of the last scrape in which a node answered; undefined: never yet. */
  get lastGood(): number | undefined {
    return this.#lastGood;
  }

  /** Until the signal is aborted. */
  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, signal, resolution } = this.#options;
    while (!signal.aborted) {
      const began = clock.monotonic();
      await this.scrape();
      const pause = this.#scrapes === 1 ? Math.min(secondLook, resolution) : Math.max(0, resolution - (clock.monotonic() - began));
      await new Promise<void>((resolve) => {
        const timer = clock.after(pause, done);
        function done(): void {
          timer.cancel();
          signal.removeEventListener("abort", done);
          resolve();
        }
        signal.addEventListener("abort", done, { once: true });
      });
    }
  }

  /** One look at all nodes. Those that do not answer are left out, and told of once. */
  async scrape(): Promise<void> {
    const { nodes, store, clock, logger, signal } = this.#options;
    const batch = new Map<string, NodePoints>();
    const waiting = [...nodes()];
    const work = async (): Promise<void> => {
      for (let node = waiting.pop(); node; node = waiting.pop()) {
        const { name } = node.metadata;
        try {
          batch.set(name, parseResourceMetrics(await this.#ask(node), clock.now()));
          this.#failing.delete(name);
        } catch (error) {
          if (signal.aborted) return;
          if (!this.#failing.has(name)) logger.warn("a node does not say what it uses", { node: name, error });
          this.#failing.add(name);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, waiting.length) }, work));
    if (signal.aborted) return;
    this.#scrapes++;
    if (batch.size) this.#lastGood = clock.now();
    store.add(batch);
  }

  async #ask(node: Node): Promise<string> {
    const address = kubeletAddress(node);
    if (!address) throw new Error("the node has no address");
    const { clock, signal, resolution } = this.#options;
    const late = new AbortController();
    const timer = clock.after(resolution * 0.9, () => late.abort(new Error("the kubelet did not answer in time")));
    try {
      return await new Promise<string>((resolve, reject) => {
        const options = { ...address, agent: this.#agent, path: "/metrics/resource", headers: { accept: "text/plain" } };
        const call = request({ ...options, signal: AbortSignal.any([late.signal, signal]) }, (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            size += chunk.length;
            if (size > limit) response.destroy(new Error(`the answer is longer than ${limit} bytes`));
          });
          response.on("error", reject);
          response.on("end", () => {
            if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString());
            else reject(new Error(`the kubelet answered ${response.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 200)}`));
          });
        });
        call.on("error", (error) => reject(late.signal.aborted ? late.signal.reason : error));
        call.end();
      });
    } finally {
      timer.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    this.#agent.destroy();
  }
}
