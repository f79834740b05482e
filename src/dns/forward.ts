/**
 * Questions about the world outside go to the machine's own name servers, or to those of a stub domain: over UDP, again over
 * TCP when the asker came so. Each server gets two seconds, then the next is asked; one that failed is asked last for a
 * while. Answers are kept for at most thirty seconds, and while one is on its way nobody asks again.
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect, isIP } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { DNSMetrics } from "./metrics.ts";
import { bareResponse, headerLength, lives, type Query } from "./wire.ts";

const patience = 2000;
/** As kubeadm's CoreDNS: `cache 30`, `max_concurrent 1000`. */
const longestLife = 30;
const mostWaiting = 1000;
const mostKept = 10_000;
/** Milliseconds for which a server that did not answer is asked after the others. */
const distrust = 10_000;

export interface ForwarderOptions {
  /** `address` or `address:port`, `[address]:port`; asked in this order. */
  servers: readonly string[];
  /** Domain, in lower case without dots at its ends -> its servers. The longest that fits counts. */
  stubDomains?: ReadonlyMap<string, readonly string[]>;
  clock: Clock;
  metrics?: DNSMetrics;
}

interface Kept {
  answer: Buffer;
  lives: { at: number; seconds: number }[];
  since: number;
  until: number;
}

/** Name servers of a resolv.conf(5), without those that would lead back to ourselves. */
export function nameServers(resolvConf: string, own: string[]): string[] {
  const lines = readFileSync(resolvConf, "utf8").split("\n");
  return lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []).filter((server) => !own.includes(server));
}

/** Throws what is no address. */
export function serverAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const host = isIP(text) ? text : (match?.[1] ?? match?.[2] ?? "");
  const port = isIP(text) ? 53 : Number(match?.[3] ?? 53);
  if (!isIP(host) || !(port >= 1 && port <= 65535))
    throw new Error(`${JSON.stringify(text)} is not the address of a name server such as 192.0.2.53 or 192.0.2.53:5353`);
  return { host, port };
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #waiting = new Map<string, Promise<Buffer>>();
  readonly #failed = new Map<string, number>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The answer with the id of the question; rejects when no server answers. */
  async forward(message: Buffer, query: Query, tcp: boolean): Promise<Buffer> {
    const key = `${tcp ? "t" : "u"}${message.toString("latin1", 2, headerLength)}${query.name}\n${message.toString("latin1", query.end - 4)}`;
    const kept = this.#keptAnswer(key);
    if (kept) {
      this.#options.metrics?.cacheHits.inc("", "success", ".", "");
      return withQuestion(kept, message, query);
    }
    this.#options.metrics?.cacheMisses.inc("", ".", "");
    let answer = this.#waiting.get(key);
    if (!answer) {
      if (this.#waiting.size >= mostWaiting) {
        this.#options.metrics?.rejected.inc();
        return bareResponse(message, "REFUSED");
      }
      answer = this.#ask(message, query.name, tcp).finally(() => this.#waiting.delete(key));
      this.#waiting.set(key, answer);
      const fresh = await answer;
      this.#keep(key, fresh);
    }
    return withQuestion(await answer, message, query);
  }

  #keptAnswer(key: string): Buffer | undefined {
    const kept = this.#kept.get(key);
    const now = this.#options.clock.monotonic();
    if (!kept) return undefined;
    if (now >= kept.until) {
      this.#kept.delete(key);
      return undefined;
    }
    const answer = Buffer.from(kept.answer);
    const age = Math.floor((now - kept.since) / 1000);
    for (const { at, seconds } of kept.lives) answer.writeUInt32BE(Math.max(0, Math.min(seconds, longestLife) - age), at);
    return answer;
  }

  /** Only what is whole and certain: answers, and that there are none. */
  #keep(key: string, answer: Buffer): void {
    const rcode = (answer[3] as number) & 15;
    const cut = ((answer[2] as number) & 2) !== 0;
    const all = lives(answer);
    if (cut || (rcode !== 0 && rcode !== 3) || !all?.length) return;
    const life = Math.min(longestLife, ...all.map(({ seconds }) => seconds));
    if (life === 0) return;
    if (this.#kept.size >= mostKept) this.#kept.clear();
    const since = this.#options.clock.monotonic();
    this.#kept.set(key, { answer: Buffer.from(answer), lives: all, since, until: since + life * 1000 });
  }

  #serversFor(name: string): readonly string[] {
    for (let rest = name; rest; ) {
      const stub = this.#options.stubDomains?.get(rest);
      if (stub) return stub;
      const dot = rest.indexOf(".");
      rest = dot < 0 ? "" : rest.slice(dot + 1);
    }
    return this.#options.servers;
  }

  async #ask(message: Buffer, name: string, tcp: boolean): Promise<Buffer> {
    const { clock, metrics } = this.#options;
    const now = clock.monotonic();
    const doubted = (server: string): number => (now - (this.#failed.get(server) ?? Number.NEGATIVE_INFINITY) < distrust ? 1 : 0);
    const servers = this.#serversFor(name).toSorted((a, b) => doubted(a) - doubted(b));
    let failure: unknown = new Error("no name server is configured");
    for (const server of servers) {
      const started = clock.monotonic();
      try {
        const answer = await (tcp ? overTCP : overUDP)(message, server, clock);
        this.#failed.delete(server);
        metrics?.forwarded.observe((clock.monotonic() - started) / 1000, "forward", server, String((answer[3] as number) & 15));
        return answer;
      } catch (error) {
        this.#failed.set(server, clock.monotonic());
        failure = error;
      }
    }
    throw failure;
  }
}

/** A copy with the question's own id, and its name in the letters it was asked in. */
function withQuestion(answer: Buffer, message: Buffer, query: Query): Buffer {
  const mine = Buffer.from(answer);
  message.copy(mine, 0, 0, 2);
  if (mine.length >= query.end && mine.readUInt16BE(4) === 1) message.copy(mine, headerLength, headerLength, query.end);
  return mine;
}

function overUDP(query: Buffer, server: string, clock: Clock): Promise<Buffer> {
  const { host, port } = serverAddress(server);
  // An id and a port of our own, so that nobody can guess an answer in from outside (RFC 5452).
  const asked = Buffer.from(query);
  asked.writeUInt16BE(randomInt(65536), 0);
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const end = (act: () => void): void => {
      timer.cancel();
      socket.close();
      act();
    };
    const timer = clock.after(patience, () => end(() => reject(new Error(`${server} does not answer`))));
    socket.on("error", (error) => end(() => reject(error)));
    socket.on("message", (answer) => {
      if (answer.length >= headerLength && answer.readUInt16BE(0) === asked.readUInt16BE(0)) end(() => resolve(answer));
    });
    socket.connect(port, host, () => socket.send(asked));
  });
}

function overTCP(query: Buffer, server: string, clock: Clock): Promise<Buffer> {
  const { host, port } = serverAddress(server);
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    const timer = clock.after(patience, () => socket.destroy(new Error(`${server} does not answer`)));
    let received: Buffer = Buffer.alloc(0);
    socket.on("connect", () => socket.write(framed(query)));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 + headerLength && received.length >= 2 + received.readUInt16BE(0)) {
        timer.cancel();
        resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
        socket.destroy();
      }
    });
    socket.on("error", reject);
    socket.on("close", () => {
      timer.cancel();
      reject(new Error(`${server} closed the connection`));
    });
  });
}

/** A message as TCP carries it: after its length in two bytes (RFC 1035 section 4.2.2). */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(2 + message.length);
  frame.writeUInt16BE(message.length, 0);
  frame.set(message, 2);
  return frame;
}
