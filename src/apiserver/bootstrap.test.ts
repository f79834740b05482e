import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { memoryStore } from "../store/memory.ts";
import { type AssembledServer, assembleApiServer } from "./assemble.ts";
import { admin } from "./assembled.fixture.ts";

test("servers that start on one store at the same time put right what was changed, and none is in the way of another", async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  const serviceAccountKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const start = (seed: number): Promise<AssembledServer> =>
    assembleApiServer({
      ...{ clock, store, serviceAccountKey, random: seededRandom(seed), logger: silentLogger, exclusiveStore: false },
      ...{ serviceAccountIssuer: "https://issuer", serviceRanges: ["10.96.0.0/24"], advertise: { address: `10.0.0.${seed}`, port: 6443 } },
    });
  const role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node";
  const ask = async ({ server }: AssembledServer, method: string, object?: object): Promise<{ rules: object[] }> => {
    const common = { query: new URLSearchParams(), headers: {}, user: admin, asObject: true, remoteAddress: "127.0.0.1", signal: new AbortController().signal };
    return (await server.handler({ ...common, method, path: role, ...(object ? { object } : {}) })).object as { rules: object[] };
  };
  const first = await start(1);
  const { rules, ...rest } = await ask(first, "GET");
  await ask(first, "PUT", { ...rest, rules: rules.slice(1) });
  const others = await Promise.all([start(2), start(3), start(4)]);
  assert.equal((await ask(first, "GET")).rules.length, rules.length);
  for (const server of [first, ...others]) await server[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});
