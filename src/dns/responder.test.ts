import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Answer, type DecodedPacket, decode, encode, type Packet } from "dns-packet";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { Forwarder } from "./forward.ts";
import { Responder } from "./responder.ts";
import { Zone, type ZoneView } from "./zone.ts";

let generation = 1;
const services: Record<string, object> = {
  web: {
    metadata: { name: "web", namespace: "default" },
    spec: { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "fd00::7"], ports: [{ name: "http", port: 80 }] },
  },
  db: { metadata: { name: "db", namespace: "default" }, spec: { clusterIP: "None", clusterIPs: ["None"], ports: [{ name: "sql", port: 5432 }] } },
  out: { metadata: { name: "out", namespace: "default" }, spec: { type: "ExternalName", externalName: "Outside.Example" } },
  in: { metadata: { name: "in", namespace: "default" }, spec: { type: "ExternalName", externalName: "web.default.svc.cluster.local" } },
  loop: { metadata: { name: "loop", namespace: "default" }, spec: { type: "ExternalName", externalName: "loop.default.svc.cluster.local" } },
  long: { metadata: { name: "long", namespace: "default" }, spec: { type: "ExternalName", externalName: `${"a".repeat(70)}.example` } },
};
const slice = {
  metadata: { name: "db-1", namespace: "default", labels: { "kubernetes.io/service-name": "db" } },
  endpoints: Array.from({ length: 3 }, (_, i) => ({ addresses: [`10.244.0.${i + 1}`], hostname: `db-${i}`, conditions: { ready: true } })),
  ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
};
const view = {
  service: (_: string, name: string) => services[name],
  slices: (_: string, name: string) => (name === "db" ? [slice] : []),
  servicesByIP: (ip: string) => (ip === "fd00:0:0:0:0:0:0:7" ? [services.web] : []),
  slicesByIP: () => [],
  namespaceExists: (name: string) => name === "default",
  known: true,
  get generation() {
    return generation;
  },
} as unknown as ZoneView;
const responder = (servers: string[] = [], clock = new VirtualClock(0)): Responder =>
  new Responder({
    zone: new Zone("cluster.local", view, ["10.96.0.10"]),
    forwarder: new Forwarder({ servers, stubDomains: new Map([["stub.example", servers]]), clock }),
    clock,
    logger: silentLogger,
  });
const ask = (name: string, type = "A", over: Partial<Packet> = {}): Buffer =>
  encode({ type: "query", id: 7, flags: 0x100, questions: [{ name, type: type as "A", class: "IN" }], ...over });
type Decoded = DecodedPacket & { rcode: string };
const answer = async (message: Buffer, tcp = false, from = responder()): Promise<Decoded> => decode((await from.answer(message, tcp)) as Buffer) as Decoded;
const data = (packet: Decoded): unknown[] => (packet.answers ?? []).map((a) => (a as { data: unknown }).data);
const edns = (size: number): Answer[] => [
  { type: "OPT", name: ".", udpPayloadSize: size, flags: 0, options: [], extendedRcode: 0, ednsVersion: 0, flag_do: false } as unknown as Answer,
];

test("answers read by another program say what was asked", async () => {
  const web = await answer(ask("WEB.default.svc.Cluster.Local"));
  assert.deepEqual(
    [web.id, web.rcode, web.flag_aa, web.flag_rd, data(web), web.answers?.[0]?.name],
    [7, "NOERROR", true, true, ["10.96.0.7"], "WEB.default.svc.Cluster.Local"],
  );
  assert.deepEqual(data(await answer(ask("web.default.svc.cluster.local", "AAAA"))), ["fd00::7"]);
  assert.deepEqual(data(await answer(ask("_http._tcp.web.default.svc.cluster.local", "SRV"))), [
    { priority: 0, weight: 100, port: 80, target: "web.default.svc.cluster.local" },
  ]);
  assert.deepEqual(data(await answer(ask(`7.${"0.".repeat(27)}0.0.d.f.ip6.arpa`, "PTR"))), ["web.default.svc.cluster.local"]);
  assert.deepEqual(data(await answer(ask("cluster.local", "NS"))), ["ns.dns.cluster.local"]);
  assert.deepEqual(data(await answer(ask("ns.dns.cluster.local"))), ["10.96.0.10"]);
  assert.equal((data(await answer(ask("cluster.local", "SOA"))).at(0) as { mname: string }).mname, "ns.dns.cluster.local");
  assert.deepEqual(data(await answer(ask("dns-version.cluster.local", "TXT"))).map(String), ["1.1.0"]);
});
test("what is not there is denied with the zone's SOA, so that the denial can be kept", async () => {
  for (const [name, type, rcode] of [
    ["nope.default.svc.cluster.local", "A", "NXDOMAIN"],
    ["web.default.svc.cluster.local", "MX", "NOERROR"],
    ["*.default.svc.cluster.local", "A", "NXDOMAIN"],
    ["web.default.svc.cluster.local", "ANY", "NOERROR"],
  ] as const) {
    const denied = await answer(ask(name, type));
    assert.deepEqual([name, denied.rcode, denied.answers?.length, denied.authorities?.[0]?.type], [name, rcode, 0, "SOA"]);
  }
  assert.equal((await answer(ask("cluster.local", "AXFR"))).rcode, "REFUSED");
  assert.equal((await answer(ask("long.default.svc.cluster.local"))).rcode, "SERVFAIL");
});
test("an alias within the zone is followed, one to itself comes to an end", async () => {
  assert.deepEqual(data(await answer(ask("in.default.svc.cluster.local"))), ["web.default.svc.cluster.local", "10.96.0.7"]);
  assert.ok(((await answer(ask("loop.default.svc.cluster.local"))).answers?.length ?? 0) < 20);
});
test("EDNS is answered where it was asked, its other versions are refused", async () => {
  const plain = await answer(ask("web.default.svc.cluster.local"));
  assert.equal(plain.additionals?.length, 0);
  const extended = await answer(ask("web.default.svc.cluster.local", "A", { additionals: edns(4096) }));
  assert.equal((extended.additionals?.[0] as unknown as { udpPayloadSize: number } | undefined)?.udpPayloadSize, 1232);
  const later = ask("web.default.svc.cluster.local", "A", { additionals: edns(4096) });
  later[later.length - 5] = 1;
  const refused = (await responder().answer(later, false)) as Buffer;
  assert.equal(((refused[refused.length - 6] as number) << 4) | ((refused[3] as number) & 15), 16, "BADVERS");
});
test("several addresses come in another order each time, all of them", async () => {
  const one = responder();
  const orders = new Set<string>();
  for (let i = 0; i < 6; i++) {
    const got = data(await answer(ask("db.default.svc.cluster.local"), false, one)) as string[];
    assert.deepEqual(got.toSorted(), ["10.244.0.1", "10.244.0.2", "10.244.0.3"]);
    orders.add(String(got));
  }
  assert.equal(orders.size, 3);
});
test("an answer that was kept is forgotten with the state it was made of", async () => {
  const one = responder();
  await answer(ask("web.default.svc.cluster.local"), false, one);
  const before = services.web;
  services.web = { ...before, spec: { clusterIP: "10.96.0.8", clusterIPs: ["10.96.0.8"], ports: [] } };
  generation++;
  assert.deepEqual(data(await answer(ask("web.default.svc.cluster.local"), false, one)), ["10.96.0.8"]);
  services.web = before as object;
  generation++;
});

test("names outside are asked for once while their answer lives, stub domains at their own servers", async () => {
  const asked: string[] = [];
  const upstream = createSocket("udp4");
  upstream.on("message", (message, peer) => {
    const query = decode(message);
    const name = query.questions?.[0]?.name as string;
    asked.push(name);
    const answers: Answer[] = [{ name, type: "A", ttl: 20, data: "192.0.2.1" }];
    upstream.send(encode({ type: "response", id: query.id, flags: 0x180, questions: query.questions, answers }), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => upstream.bind(0, "127.0.0.1", resolve));
  try {
    const clock = new VirtualClock(0);
    const one = responder([`127.0.0.1:${(upstream.address() as AddressInfo).port}`], clock);
    const [first, second] = await Promise.all([answer(ask("example.org"), false, one), answer(ask("Example.ORG", "A", { id: 9 }), false, one)]);
    assert.deepEqual([first.id, second.id, second.questions?.[0]?.name, data(second)], [7, 9, "Example.ORG", ["192.0.2.1"]]);
    await clock.advance(5000);
    assert.equal(((await answer(ask("example.org"), false, one)).answers?.[0] as { ttl: number } | undefined)?.ttl, 15, "it has lived for five seconds");
    assert.deepEqual(asked, ["example.org"]);
    await clock.advance(15_000);
    await answer(ask("example.org"), false, one);
    assert.deepEqual(asked, ["example.org", "example.org"]);
    assert.deepEqual(data(await answer(ask("out.default.svc.cluster.local"), false, one)), ["Outside.Example", "192.0.2.1"]);
    assert.deepEqual(data(await answer(ask("a.stub.example"), false, one)), ["192.0.2.1"]);
  } finally {
    upstream.close();
  }
});

test("whatever arrives, the answer is an answer and fits", async () => {
  const random = seededRandom(11);
  const one = responder();
  const seeds = [
    ask("web.default.svc.cluster.local"),
    ask("_sql._tcp.db.default.svc.cluster.local", "SRV", { additionals: edns(1232) }),
    ask("7.0.96.10.in-addr.arpa", "PTR"),
    ask("in.default.svc.cluster.local", "AAAA", { additionals: edns(0) }),
  ];
  for (let i = 0; i < 20_000; i++) {
    const message =
      i % 4 === 0 ? Buffer.from(Array.from({ length: random.int(60) }, () => random.int(256))) : Buffer.from(seeds[random.int(seeds.length)] as Buffer);
    for (let flips = random.int(4); flips > 0 && message.length; flips--) message[random.int(message.length)] = random.int(256);
    const cut = random.int(5) === 0 ? message.subarray(0, random.int(message.length + 1)) : message;
    const got = await one.answer(cut, false);
    if (!got) continue;
    assert.ok(got.length >= 12 && got.length <= 1232, `${cut.toString("hex")} -> ${got.length} bytes`);
    assert.equal((got[2] as number) & 0x80, 0x80);
    assert.deepEqual([...got.subarray(0, 2)], [...cut.subarray(0, 2)]);
  }
});
