import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { VirtualClock } from "../../../base/clock.ts";
import { silentLogger } from "../../../base/logger.ts";
import { seededRandom } from "../../../base/random.ts";
import { memoryStore } from "../../../store/memory.ts";
import { type AssembledServer, assembleApiServer } from "../../assemble.ts";

const clock = new VirtualClock();
const store = memoryStore({ clock });
let api: AssembledServer;
const core = "/api/v1/namespaces/default";
const answer = async (method: string, path: string, object: unknown, type = "application/json"): Promise<number> => {
  const { status } = await api.server.handler({
    ...{ method, path, query: new URLSearchParams(), headers: { "content-type": type, accept: "application/json" } },
    ...{ body: Buffer.from(JSON.stringify(object)), user: { name: "admin", groups: ["system:masters", "system:authenticated"] } },
    ...{ remoteAddress: "127.0.0.1", signal: new AbortController().signal },
  });
  return status;
};
before(async () => {
  const serviceAccountKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const options = { clock, random: seededRandom(1), logger: silentLogger, store, serviceAccountKey };
  api = await assembleApiServer({ ...options, serviceAccountIssuer: "https://kubernetes.default.svc" });
  await answer("POST", `${core}/serviceaccounts`, { metadata: { name: "default" } });
});
after(async () => {
  await api[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

test("a pod that needs no budget is evicted though it changes meanwhile", async () => {
  for (let round = 0; round < 5; round++) {
    const name = `moving-${round}`;
    await answer("POST", `${core}/pods`, { metadata: { name }, spec: { containers: [{ name: "c", image: "i" }] } });
    const evicted = answer("POST", `${core}/pods/${name}/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } });
    for (let change = 0; change < 10; change++)
      await answer("PATCH", `${core}/pods/${name}`, { metadata: { labels: { change: `${change}` } } }, "application/merge-patch+json");
    for (let tries = 0; tries < 3; tries++) await clock.advance(600);
    assert.equal(await evicted, 201);
  }
});
