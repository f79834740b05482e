import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemRandom } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import { resolveService, Unroutable } from "../service-resolver.ts";
import { Backends, withUser } from "./backend.ts";
import type { Remote } from "./remotes.ts";

const remote: Remote = { name: "v1.g", group: "g", version: "v1", service: { namespace: "n", name: "s", port: 443 }, insecure: false, available: true };
const reader = (spec: object, slices: object[] = []): Reader =>
  ({ get: () => ({ metadata: { name: "s" }, spec }), list: () => slices, labels: () => undefined, onChange: () => undefined }) as unknown as Reader;
const address = (spec: object, toEndpoints: boolean, slices: object[] = []) =>
  resolveService(remote.service, { reader: reader(spec, slices), random: systemRandom, toEndpoints });
const labels = { "kubernetes.io/service-name": "s" };

test("a Service leads to its address, to its external name or to a ready endpoint, and to nothing where it has none", () => {
  const spec = { type: "ClusterIP", clusterIP: "10.96.0.9", ports: [{ port: 443, name: "https" }] };
  assert.deepEqual(address(spec, false), { host: "10.96.0.9", port: 443 });
  assert.deepEqual(address({ type: "ExternalName", externalName: "x.example" }, false), { host: "x.example", port: 443 });
  const endpoints = [{ addresses: ["10.0.0.1"], conditions: { ready: false } }, { addresses: ["10.0.0.2"] }];
  assert.deepEqual(address(spec, true, [{ metadata: { labels }, endpoints, ports: [{ name: "https", port: 8443 }] }]), { host: "10.0.0.2", port: 8443 });
  assert.throws(() => address(spec, true, []), Unroutable);
  assert.throws(() => address({ ...spec, clusterIP: "None" }, false), /cannot route to service with ClusterIP "None"/);
  assert.throws(() => address({ ...spec, ports: [{ port: 80 }] }, false), /no service port 443/);
  assert.throws(() => address({ type: "ExternalName", externalName: "x" }, true), /unsupported service type/);
});

test("whatever a caller claims to be is replaced by who it is", () => {
  const claims = { "x-remote-user": "root", "x-remote-group": ["system:masters"], "x-remote-extra-scopes": "all", "x-remote-uid": "0", accept: "*/*" };
  assert.deepEqual(withUser(claims, { name: "jürgen", groups: ["a", "b"], extra: { "a/b c": ["1"] } }), {
    accept: "*/*",
    "x-remote-user": "j\u00c3\u00bcrgen",
    "x-remote-group": ["a", "b"],
    "x-remote-extra-a%2Fb%20c": ["1"],
  });
});

test("certificates of an older time are counted and noted of a server that answers all the same", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "backend-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt");
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old", "-keyout", "old.key", "-out", "old.csr");
  for (const [digest, expected] of [
    ["-sha256", ["names"]],
    ["-sha1", ["names", "signature"]],
  ] as const) {
    openssl("x509", "-req", "-in", "old.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", digest, "-out", "old.crt");
    const [cert, key] = ["old.crt", "old.key"].map((name) => readFileSync(join(directory, name)));
    await using server = createServer({ cert, key, ciphers: "DEFAULT@SECLEVEL=0" }, (_, response) => response.end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const counted: string[] = [];
    const certificates = { missingNames: () => void counted.push("names"), weakSignature: () => void counted.push("signature") };
    const spec = { type: "ClusterIP", clusterIP: "127.0.0.1", ports: [{ port }] };
    const backends = new Backends({ reader: reader(spec), random: systemRandom, toEndpoints: false, certificates });
    const notes: string[] = [];
    const outgoing = { method: "GET", path: "/", headers: {}, signal: new AbortController().signal, annotate: (name: string) => void notes.push(name) };
    const lax = { ...remote, service: { ...remote.service, port }, insecure: true };
    await new Promise((resolve, reject) => {
      const call = backends
        .open(lax, outgoing)
        .on("error", reject)
        .on("response", (answer) => answer.resume().on("end", resolve));
      call.end();
    });
    backends.close();
    assert.deepEqual(counted, expected);
    assert.equal(notes[0], "missing-san.invalid-cert.kubernetes.io/127.0.0.1");
  }
});
