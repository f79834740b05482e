import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { test } from "node:test";
import { type DecodedPacket, decode, encode } from "dns-packet";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { framed } from "./forward.ts";
import { DNSServer } from "./server.ts";
import { Zone, type ZoneView } from "./zone.ts";

const many = Array.from({ length: 100 }, (_, i) => `10.96.1.${i}`);
const view = {
  service: (_: string, name: string) =>
    name === "many" ? { metadata: { name, namespace: "default" }, spec: { clusterIP: many[0], clusterIPs: many } } : undefined,
  slices: () => [],
  servicesByIP: () => [],
  slicesByIP: () => [],
  namespaceExists: () => true,
  known: true,
  generation: 1,
} as unknown as ZoneView;
const open = async (): Promise<{ server: DNSServer; port: number }> => {
  const server = new DNSServer({
    zone: new Zone("cluster.local", view),
    address: "127.0.0.1",
    port: 0,
    upstreams: [],
    clock: systemClock,
    logger: silentLogger,
  });
  return { server, port: await server.start() };
};
const question = (name: string): Buffer => encode({ type: "query", id: 7, flags: 0x100, questions: [{ name, type: "A", class: "IN" }] });

function overUDP(port: number, message: Uint8Array): Promise<DecodedPacket> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (m) => {
      socket.close();
      resolve(decode(m));
    });
    socket.send(message, port, "127.0.0.1");
  });
}

const rcode = (packet: DecodedPacket): string | undefined => (packet as { rcode?: string }).rcode;

test("an answer that does not fit is cut over UDP and whole over TCP", async () => {
  const { server, port } = await open();
  await using _ = server;
  const cut = await overUDP(port, question("many.default.svc.cluster.local"));
  assert.equal(cut.flag_tc, true);
  assert.ok((cut.answers?.length ?? 0) >= 20, "what fits is there: some resolvers never ask again");
  const whole = await new Promise<DecodedPacket>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(framed(question("many.default.svc.cluster.local"))));
    let all: Buffer = Buffer.alloc(0);
    socket.on("data", (d) => {
      all = Buffer.concat([all, d]);
      if (all.length < 2 + all.readUInt16BE(0)) return;
      socket.destroy();
      resolve(decode(all.subarray(2)));
    });
  });
  assert.equal(whole.answers?.length, 100);
});
test("a server whose port is taken for datagrams does not listen for connections either", async () => {
  const taken = createSocket("udp4");
  await new Promise<void>((resolve) => taken.bind(0, "127.0.0.1", resolve));
  const { port } = taken.address();
  const zone = new Zone("cluster.local", view);
  const server = new DNSServer({ zone, address: "127.0.0.1", port, upstreams: [], clock: systemClock, logger: silentLogger });
  await assert.rejects(server.start(), { code: "EADDRINUSE" });
  taken.close();
  const second = new DNSServer({ zone, address: "127.0.0.1", port, upstreams: [], clock: systemClock, logger: silentLogger });
  assert.equal(await second.start(), port);
  await second[Symbol.asyncDispose]();
});
test("the name comes back in the letters it was asked in", async () => {
  const { server, port } = await open();
  await using _ = server;
  const answer = await overUDP(port, question("NoPe.Default.svc.cluster.LOCAL"));
  assert.equal(rcode(answer), "NXDOMAIN");
  assert.equal(answer.questions?.[0]?.name, "NoPe.Default.svc.cluster.LOCAL");
  assert.equal(answer.authorities?.[0]?.type, "SOA");
});
test("broken packets get FORMERR and the server goes on", async () => {
  const { server, port } = await open();
  await using _ = server;
  const broken = Buffer.from(question("a.cluster.local"));
  broken[12] = 0xc0;
  broken[13] = 0x0c; // a compression pointer to itself
  assert.equal(((await overUDP(port, broken)) as { rcode?: string }).rcode, "FORMERR");
  assert.equal(((await overUDP(port, question("dns-version.cluster.local"))) as { rcode?: string }).rcode, "NOERROR");
});
test("what nobody outside can answer is SERVFAIL", async () => {
  const { server, port } = await open();
  await using _ = server;
  assert.equal(((await overUDP(port, question("example.org"))) as { rcode?: string }).rcode, "SERVFAIL");
});
