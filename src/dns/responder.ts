/**
 * What is answered to a message: from the zone, at once and mostly from bytes that were made before; else from the name
 * servers outside. Hostile messages get FORMERR or nothing, and cost no more than others.
 */
import { randomInt } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { AnswerCache } from "./answer-cache.ts";
import type { Forwarder } from "./forward.ts";
import type { DNSMetrics } from "./metrics.ts";
import {
  bareResponse,
  headerLength,
  largestUDP,
  type Query,
  question,
  readAddresses,
  readQuery,
  type Response,
  type RR,
  type rcodes,
  typeName,
  types,
  writeResponse,
} from "./wire.ts";
import type { Resolution, Zone } from "./zone.ts";

export interface ResponderOptions {
  zone: Zone;
  forwarder: Forwarder;
  clock: Clock;
  logger: Logger;
  metrics?: DNSMetrics;
}

/** Without EDNS a UDP answer has at most so many bytes (RFC 1035). */
const plainUDP = 512;
/** Aliases that lead to aliases. */
const mostAliases = 8;
const queryOpcode = 0;

export class Responder {
  readonly #options: ResponderOptions;
  readonly #cache = new AnswerCache();

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#cache.size;
  }

  /** The bytes of the answer, or undefined for what deserves none. Never throws or rejects. */
  answer(message: Buffer, tcp: boolean): Buffer | undefined | Promise<Buffer | undefined> {
    const known = this.#cache.get(message, tcp, this.#options.zone.generation);
    if (known) return known;
    const query = readQuery(message);
    // Answers are not answered: two servers would do so for ever.
    if (!query) return message.length < headerLength || (message[2] as number) & 0x80 ? undefined : bareResponse(message, "FORMERR");
    if (query.opcode !== queryOpcode) return bareResponse(message, "NOTIMP");
    if (query.edns && query.edns.version !== 0) return this.#write(message, query, tcp, code("BADVERS")).bytes;
    if (!query.internet) return this.#write(message, query, tcp, code("REFUSED")).bytes;
    const resolution = this.#options.zone.resolve(query.name, typeName(query.type));
    if (!resolution) return this.#forward(message, query, tcp);
    if (resolution.external && query.type !== types.CNAME) return this.#follow(message, query, tcp, resolution);
    const { bytes, response } = this.#write(message, query, tcp, this.#responseTo(resolution));
    if (resolution.rcode === "NOERROR" || resolution.rcode === "NXDOMAIN") this.#cache.set(message, tcp, bytes, query.end, response.answers);
    return bytes;
  }

  #responseTo({ rcode, answers, additionals }: Resolution): Response {
    const denial = answers.length === 0 && (rcode === "NOERROR" || rcode === "NXDOMAIN");
    return { rcode, authoritative: rcode !== "REFUSED", answers, authorities: denial ? [this.#options.zone.soa] : [], additionals };
  }

  #write(message: Buffer, query: Query, tcp: boolean, response: Response): { bytes: Buffer; response: Response } {
    const limit = tcp ? 65535 : Math.min(Math.max(query.edns?.size ?? plainUDP, plainUDP), largestUDP);
    return { bytes: writeResponse(message, query, response, limit), response };
  }

  async #forward(message: Buffer, query: Query, tcp: boolean): Promise<Buffer> {
    try {
      return await this.#options.forwarder.forward(message, query, tcp);
    } catch (error) {
      this.#options.logger.debug("a question could not be forwarded", { error });
      return this.#write(message, query, tcp, code("SERVFAIL")).bytes;
    }
  }

  /** An ExternalName's target is looked up for the asker, as resolvers in pods expect. */
  async #follow(message: Buffer, query: Query, tcp: boolean, first: Resolution): Promise<Buffer> {
    const { zone } = this.#options;
    const answers: RR[] = [...first.answers];
    let target = first.external;
    for (let i = 0; target !== undefined && i < mostAliases; i++) {
      const inside = zone.resolve(target.toLowerCase(), typeName(query.type));
      answers.push(...(inside ? inside.answers : await this.#outside(target, query.type)));
      target = inside?.external;
    }
    return this.#write(message, query, tcp, { rcode: first.rcode, authoritative: true, answers, authorities: [], additionals: [] }).bytes;
  }

  async #outside(name: string, type: number): Promise<RR[]> {
    const asked = question(randomInt(65536), name, type);
    const query = readQuery(asked);
    if (!query) return [];
    try {
      return readAddresses(await this.#options.forwarder.forward(asked, query, false));
    } catch {
      // The alias itself is known whatever happens to its target.
      return [];
    }
  }
}

const code = (rcode: keyof typeof rcodes): Response => ({ rcode, authoritative: false, answers: [], authorities: [], additionals: [] });
