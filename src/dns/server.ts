/**
 * The cluster's DNS server, UDP and TCP on one address. Answers the zone from memory, whatever the API server does, and
 * forwards the rest. Hostile packets get FORMERR or nothing; nothing that arrives ends the process.
 */
import { createSocket, type RemoteInfo, type Socket as UDPSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Packet, RECURSION_AVAILABLE, RECURSION_DESIRED, TRUNCATED_RESPONSE } from "dns-packet";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Value } from "../base/metrics.ts";
import { forward, framed } from "./forward.ts";
import type { Resolution, Zone } from "./zone.ts";

export interface DNSServerOptions {
  zone: Zone;
  address: string;
  /** @default 53 */
  port?: number;
  /** Addresses of name servers outside. */
  upstreams: string[];
  clock: Clock;
  logger: Logger;
  /** Counter with the labels proto, type, zone. */
  requests?: Value;
}

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
type Rcode = keyof typeof rcodes;
/** Without EDNS a UDP answer has at most so many bytes (RFC 1035); with it we keep below what fragments. */
const plainUDP = 512;
const largestUDP = 1232;
const idleTCP = 10_000;
const negativeTTL = 5;

export class DNSServer {
  readonly #options: DNSServerOptions;
  readonly #udp: UDPSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();

  constructor(options: DNSServerOptions) {
    this.#options = options;
    this.#udp = createSocket({ type: options.address.includes(":") ? "udp6" : "udp4", recvBufferSize: 1 << 20 });
    this.#udp.on("message", (message, peer) => void this.#onDatagram(message, peer));
    this.#udp.on("error", (error) => options.logger.error("UDP socket failed", { error }));
    this.#tcp = createServer((socket) => this.#onConnection(socket));
  }

  /** Resolves when both sockets listen; gives the port. */
  async start(): Promise<number> {
    const { address, port = 53 } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#udp.once("error", reject);
      this.#udp.bind(port, address, () => {
        this.#udp.off("error", reject);
        resolve();
      });
    });
    const bound = this.#udp.address().port;
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen(bound, address, resolve);
    });
    return bound;
  }

  async #onDatagram(message: Buffer, peer: RemoteInfo): Promise<void> {
    const answer = await this.#answer(message, "udp");
    if (answer) this.#udp.send(answer, peer.port, peer.address);
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket);
    socket.setTimeout(idleTCP, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = received.length ? Buffer.concat([received, chunk]) : chunk;
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + message.length);
        void this.#answer(message, "tcp").then((answer) => {
          if (answer && !socket.destroyed) socket.write(framed(answer));
        });
      }
    });
  }

  /** The bytes of the answer, or undefined for what deserves none. Never rejects. */
  async #answer(message: Buffer, transport: "udp" | "tcp"): Promise<Uint8Array | undefined> {
    const query = parse(message);
    if (query === undefined) return message.length < 12 || (message[2] as number) & 0x80 ? undefined : bare(message, "FORMERR");
    const question = query.questions?.[0];
    if (query.type !== "query" || !question) return undefined;
    if ((query as { opcode?: string }).opcode !== "QUERY") return bare(message, "NOTIMP");
    const edns = query.additionals?.find((a) => a.type === "OPT") as { udpPayloadSize?: number } | undefined;
    const limit = transport === "tcp" ? 65535 : Math.min(Math.max(edns?.udpPayloadSize ?? plainUDP, plainUDP), largestUDP);
    const name = question.name.toLowerCase();
    const resolution = this.#options.zone.resolve(name, question.type);
    this.#options.requests?.inc(transport, question.type, resolution ? this.#options.zone.domain : ".");
    if (!resolution) return this.#forward(message, transport);
    const followed = resolution.external && question.type !== "CNAME" ? await this.#follow(query, resolution) : resolution.answers;
    return this.#render(query, { ...resolution, answers: followed }, edns !== undefined, limit);
  }

  async #forward(message: Buffer, transport: "udp" | "tcp"): Promise<Uint8Array> {
    try {
      return await forward(message, this.#options.upstreams, this.#options.clock, transport);
    } catch (error) {
      this.#options.logger.debug("a question could not be forwarded", { error });
      return bare(message, "SERVFAIL");
    }
  }

  /** Resolves the target of an ExternalName, as resolvers in pods expect. */
  async #follow(query: Packet, resolution: Resolution): Promise<Answer[]> {
    const question = query.questions?.[0];
    const name = resolution.external as string;
    const inside = this.#options.zone.resolve(name.toLowerCase(), question?.type ?? "A");
    if (inside) return [...resolution.answers, ...inside.answers];
    try {
      const asked = encode({ type: "query", id: 0, flags: RECURSION_DESIRED, questions: [{ name, type: question?.type ?? "A", class: "IN" }] });
      const answer = decode(Buffer.from(await forward(asked, this.#options.upstreams, this.#options.clock, "udp")));
      return [...resolution.answers, ...(answer.answers ?? [])];
    } catch {
      // The alias itself is known whatever happens to its target.
      return resolution.answers;
    }
  }

  #render(query: Packet, resolution: Resolution, edns: boolean, limit: number): Uint8Array {
    const { zone } = this.#options;
    const question = query.questions?.[0];
    const soa: Answer = {
      name: zone.domain,
      type: "SOA",
      ttl: negativeTTL,
      data: { mname: `ns.dns.${zone.domain}`, rname: `hostmaster.${zone.domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86400, minimum: negativeTTL },
    };
    const opt = edns
      ? [{ type: "OPT", name: ".", udpPayloadSize: largestUDP, flags: 0, options: [], extendedRcode: 0, ednsVersion: 0, flag_do: false } as Answer]
      : [];
    const packet = (answers: Answer[], additionals: Answer[], flags: number): Packet => ({
      type: "response",
      id: query.id ?? 0,
      flags: AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED) | flags | rcodes[resolution.rcode],
      questions: question ? [question] : [],
      answers: answers.map((a) => (a.name === question?.name.toLowerCase() ? { ...a, name: question.name } : a)) as Answer[],
      authorities: answers.length ? [] : [soa],
      additionals: [...additionals, ...opt],
    });
    const whole = encode(packet(resolution.answers, resolution.additionals, 0));
    if (whole.length <= limit) return whole;
    const withoutExtras = encode(packet(resolution.answers, [], 0));
    return withoutExtras.length <= limit ? withoutExtras : encode(packet([], [], TRUNCATED_RESPONSE));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await Promise.all([new Promise((resolve) => this.#udp.close(() => resolve(undefined))), new Promise((resolve) => this.#tcp.close(resolve))]);
  }
}

function parse(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

/** The question's header with a code and nothing else. */
function bare(message: Buffer, rcode: Rcode): Uint8Array {
  const header = Buffer.from(message.subarray(0, 12));
  header[2] = ((header[2] as number) & 0x79) | 0x80;
  header[3] = 0x80 | rcodes[rcode];
  header.fill(0, 4, 12);
  return header;
}
