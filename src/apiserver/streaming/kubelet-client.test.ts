import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { PKI } from "../../distro/pki.ts";
import { KubeletClient } from "./kubelet-client.ts";

test("a kept connection that the kubelet closes as it is used again is replaced, one that never worked is refused", async () => {
  const directory = mkdtempSync(join(tmpdir(), "k8ts-kubelet-client-"));
  try {
    const pki = new PKI(directory, systemClock);
    await pki.ensureCA("ca", "ca");
    await pki.ensure({ file: "kubelet", commonName: "kubelet", ca: "ca", usages: ["server", "client"], ip: ["127.0.0.1"] });
    const tls = { ca: pki.certificate("ca"), cert: pki.certificate("kubelet"), key: pki.key("kubelet") };
    const served = new Set<unknown>();
    const server = createServer(tls, (request, response) => {
      // The second request of a connection finds it closed.
      if (served.has(request.socket)) return void request.socket.destroy();
      served.add(request.socket);
      response.end("ok");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = new KubeletClient(tls);
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) assert.equal(await text(await client.get({ host: "127.0.0.1", port }, "/", signal)), "ok");
    assert.equal(served.size, 3);
    client.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    await assert.rejects(new KubeletClient(tls).get({ host: "127.0.0.1", port }, "/", signal), /error dialing backend: dial tcp/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
