import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reader } from "../../cache/cache.ts";
import { nodeTarget, podTarget } from "./proxy-target.ts";

const holding = (object: object): Reader => ({ get: () => object }) as unknown as Reader;
const pod = (podIP?: string): Reader => holding({ spec: { containers: [{}, { ports: [{ containerPort: 81 }] }] }, status: { podIP } });
const node = (address: string): Reader =>
  holding({ status: { addresses: [{ type: "InternalIP", address }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } } });
const tls = { ca: "", cert: "", key: "" };
const refused = { code: 400, message: "address not allowed" };

test("a pod is reached at its port, and never at an address that is the server's own", () => {
  assert.deepEqual(podTarget(pod("10.1.2.3"), "n", "p"), { scheme: "http", host: "10.1.2.3", port: 81 });
  assert.deepEqual(podTarget(pod("fd00::1"), "n", "https:p:443"), { scheme: "https", host: "fd00::1", port: 443 });
  for (const own of [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "::ffff:127.0.0.1",
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "",
    undefined,
    "localhost",
  ])
    assert.throws(() => podTarget(pod(own), "n", "p"), refused, own);
});

test("what is no port is said to be none", () => {
  for (const port of ["70000", "abc", "-1", "1e2"])
    assert.throws(() => podTarget(pod("10.1.2.3"), "n", `p:${port}`), {
      code: 503,
      message: `error trying to reach service: dial tcp: address ${port}: invalid port`,
    });
});

test("a node is reached as a kubelet or at another port, and never where it says that it is the server", async () => {
  assert.deepEqual(await nodeTarget(node("10.1.2.3"), "n", tls), { scheme: "https", host: "10.1.2.3", port: 10250, tls });
  assert.deepEqual(await nodeTarget(node("10.1.2.3"), "https:n:9100", tls), { scheme: "https", host: "10.1.2.3", port: 9100 });
  assert.deepEqual(await nodeTarget(node("10.1.2.3"), "n:9100", tls), { scheme: "http", host: "10.1.2.3", port: 9100 });
  for (const own of ["127.0.0.1", "localhost", "169.254.169.254"]) await assert.rejects(nodeTarget(node(own), "n:2379", tls), refused, own);
});

test("names and namespaces that are no step of a path are refused before anything is looked for", () => {
  assert.throws(() => podTarget(pod("10.1.2.3"), "..", "https:p:443"), { code: 500, message: 'invalid key: "/pods/../p"' });
  assert.throws(() => podTarget(pod("10.1.2.3"), "n", "a%:80"), { code: 400, message: `Name parameter invalid: "a%": may not contain '%'` });
});
