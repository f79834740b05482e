import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFlows } from "./conntrack.ts";
import { conntrackSysctls } from "./conntrack-settings.ts";

test("flows that are alike are one, answered or not", () => {
  const line = (sport: number, mark = ""): string =>
    `udp      17 29 src=10.244.0.9 dst=10.96.0.10 sport=${sport} dport=53 ${mark}src=10.244.0.5 dst=10.244.0.9 sport=5353 dport=${sport} mark=0 use=1`;
  assert.deepEqual(parseFlows(`${line(4000)}\n${line(4001, "[UNREPLIED] ")}\nconntrack v1.4.7: 2 flow entries have been shown.\n`), [
    { destination: "10.96.0.10", destinationPort: 53, answerer: "10.244.0.5", answererPort: 5353 },
  ]);
});
test("the size of connection tracking grows with the CPUs, between the least and a million", () => {
  const none = { maxPerCore: 0, min: 0, cpus: 4, tcpEstablished: 0, tcpCloseWait: 0, tcpBeLiberal: false, udp: 0, udpStream: 0 };
  const max = (maxPerCore: number, min: number, cpus: number): number | undefined => conntrackSysctls({ ...none, maxPerCore, min, cpus }).nf_conntrack_max;
  assert.deepEqual([max(32768, 131072, 2), max(32768, 131072, 8), max(32768, 131072, 128), max(0, 131072, 2)], [131072, 262144, 1048576, undefined]);
  assert.deepEqual(conntrackSysctls({ ...none, tcpEstablished: 86_400_000, tcpBeLiberal: true, udp: 30_500 }), {
    nf_conntrack_tcp_timeout_established: 86400,
    nf_conntrack_tcp_be_liberal: 1,
    nf_conntrack_udp_timeout: 30,
  });
});
