/**
 * Questions about the world outside go to the machine's own name servers: over UDP, again over TCP when the answer was cut.
 * Each gets two seconds, then the next is asked.
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Clock } from "../base/clock.ts";

const patience = 2000;

/** Name servers of a resolv.conf(5), without those that would lead back to ourselves. */
export function nameServers(resolvConf: string, own: string[]): string[] {
  const lines = readFileSync(resolvConf, "utf8").split("\n");
  return lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []).filter((server) => !own.includes(server));
}

/** The answer's bytes with the id of the question; rejects when no server answers. */
export async function forward(query: Uint8Array, servers: string[], clock: Clock, transport: "udp" | "tcp"): Promise<Uint8Array> {
  let failure: unknown = new Error("no name server is configured");
  for (const server of servers) {
    try {
      return transport === "tcp" ? await overTCP(query, server, clock) : await overUDP(query, server, clock);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function overUDP(query: Uint8Array, server: string, clock: Clock): Promise<Uint8Array> {
  // An id and a port of our own, so that nobody can guess an answer in from outside (RFC 5452).
  const asked = Buffer.from(query);
  asked.writeUInt16BE(randomInt(65536), 0);
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    const end = (act: () => void): void => {
      timer.cancel();
      socket.close();
      act();
    };
    const timer = clock.after(patience, () => end(() => reject(new Error(`${server} does not answer`))));
    socket.on("error", (error) => end(() => reject(error)));
    socket.on("message", (answer) => {
      if (answer.length < 12 || answer.readUInt16BE(0) !== asked.readUInt16BE(0)) return;
      const mine = Buffer.from(answer);
      mine.set(query.subarray(0, 2), 0);
      end(() => resolve(mine));
    });
    socket.connect(53, server, () => socket.send(asked));
  });
}

function overTCP(query: Uint8Array, server: string, clock: Clock): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(53, server);
    const timer = clock.after(patience, () => socket.destroy(new Error(`${server} does not answer`)));
    let received = Buffer.alloc(0);
    socket.on("connect", () => socket.end(framed(query)));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
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
export function framed(message: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(2 + message.length);
  frame.writeUInt16BE(message.length, 0);
  frame.set(message, 2);
  return frame;
}
