/** The cluster's DNS server, UDP and TCP on one address. Nothing that arrives ends the process. */
import { listening } from "../base/listening.ts";
import { createSocket, type RemoteInfo, type Socket as UDPSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Forwarder, framed } from "./forward.ts";
import type { DNSMetrics } from "./metrics.ts";
import { Responder } from "./responder.ts";
import { headerLength, typeName } from "./wire.ts";
import type { Zone } from "./zone.ts";

export interface DNSServerOptions {
  zone: Zone;
  address: string;
  /** @default 53 */
  port?: number;
  /** Addresses of name servers outside. */
  upstreams: readonly string[];
  stubDomains?: ReadonlyMap<string, readonly string[]>;
  clock: Clock;
  logger: Logger;
  metrics?: DNSMetrics;
}

const idleTCP = 10_000;
const mostConnections = 1000;
/** Questions of one connection that may wait for their answers. */
const mostPipelined = 100;
const rcodeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

export class DNSServer {
  readonly #options: DNSServerOptions;
  readonly #responder: Responder;
  readonly #udp: UDPSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();

  constructor(options: DNSServerOptions) {
    this.#options = options;
    const { zone, address, upstreams, stubDomains, clock, logger, metrics } = options;
    this.#responder = new Responder({ zone, forwarder: new Forwarder({ servers: upstreams, stubDomains, clock, metrics }), clock, logger, metrics });
    const family = address.includes(":") ? 6 : 4;
    this.#udp = createSocket({
      type: family === 6 ? "udp6" : "udp4",
      recvBufferSize: 4 << 20,
      // Answers go to addresses; there is nothing to look up.
      lookup: (host, _, done) => done(null, host, family),
    });
    this.#udp.on("message", (message, peer) => this.#onDatagram(message, peer));
    this.#udp.on("error", (error) => logger.error("UDP socket failed", { error }));
    this.#tcp = createServer((socket) => this.#onConnection(socket));
    this.#tcp.maxConnections = mostConnections;
  }

  /** Resolves when both sockets listen; gives the port. */
  async start(): Promise<number> {
    const { address, port = 53 } = this.#options;
    // Where any port will do, one is chosen that no connection uses; datagrams hardly ever stand in the way.
    const bound = await listening(this.#tcp, { port, host: address });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#udp.once("error", reject);
        this.#udp.bind(bound, address, () => {
          this.#udp.off("error", reject);
          resolve();
        });
      });
    } catch (error) {
      this.#tcp.close();
      throw error;
    }
    return bound;
  }

  #onDatagram(message: Buffer, { port, address }: RemoteInfo): void {
    const send = (answer: Buffer | undefined): void => {
      if (answer) this.#udp.send(answer, port, address, ignore);
    };
    const answer = this.#answer(message, false);
    if (answer instanceof Promise) void answer.then(send);
    else send(answer);
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket);
    socket.setNoDelay(true);
    socket.setTimeout(idleTCP, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    let waiting = 0;
    const later = (answer: Buffer | undefined): void => {
      if (--waiting < mostPipelined && socket.isPaused()) socket.resume();
      if (answer && !socket.destroyed) socket.write(framed(answer));
    };
    socket.on("data", (chunk) => {
      received = received.length ? Buffer.concat([received, chunk]) : chunk;
      const ready: Buffer[] = [];
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + message.length);
        const answer = this.#answer(message, true);
        if (answer instanceof Promise) {
          waiting++;
          void answer.then(later);
        } else if (answer) ready.push(framed(answer));
      }
      if (ready.length && !socket.write(ready.length === 1 ? (ready[0] as Buffer) : Buffer.concat(ready))) {
        // Who does not read is not answered any further.
        socket.pause();
        socket.once("drain", () => socket.resume());
      }
      if (waiting >= mostPipelined) socket.pause();
    });
  }

  #answer(message: Buffer, tcp: boolean): Buffer | undefined | Promise<Buffer | undefined> {
    const { metrics, clock } = this.#options;
    if (!metrics) return this.#responder.answer(message, tcp);
    const started = clock.monotonic();
    const answer = this.#responder.answer(message, tcp);
    if (!(answer instanceof Promise)) {
      this.#count(metrics, answer, tcp, started);
      return answer;
    }
    return answer.then((bytes) => {
      this.#count(metrics, bytes, tcp, started);
      return bytes;
    });
  }

  #count(metrics: DNSMetrics, answer: Buffer | undefined, tcp: boolean, started: number): void {
    if (!answer) return;
    // What is answered with authority is the zone's.
    const zone = (answer[2] as number) & 4 ? `${this.#options.zone.domain}.` : ".";
    metrics.request(zone, tcp ? "tcp" : "udp", typeName(questionType(answer))).value++;
    metrics.response(zone, rcodeNames[(answer[3] as number) & 15] ?? "other").value++;
    metrics.duration(zone)((this.#options.clock.monotonic() - started) / 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await Promise.all([new Promise((resolve) => this.#udp.close(() => resolve(undefined))), new Promise((resolve) => this.#tcp.close(resolve))]);
  }
}

const ignore = (): void => {};

/** Of a message that we wrote or have read. */
function questionType(message: Buffer): number {
  let at = headerLength;
  for (let size = message[at]; size; size = message[at]) at += size + 1;
  return at + 3 <= message.length ? message.readUInt16BE(at + 1) : 0;
}
