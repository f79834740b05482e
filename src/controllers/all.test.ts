import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { seededRandom } from "../base/random.ts";
import { createInProcessTransport } from "../client/in-process-transport.ts";
import { createClient } from "../client/rest.ts";
import { controllers, startControllers } from "./all.ts";

const start = (only: string[], asked: string[] = []) =>
  startControllers({
    clientFor(name) {
      asked.push(name);
      const handler = async () => ({ status: 200, headers: {}, object: { metadata: { resourceVersion: "1" }, items: [] } });
      return createClient(createInProcessTransport({ handler, user: { name, groups: [] } }), { userAgent: name });
    },
    clock: new VirtualClock(),
    random: seededRandom(1),
    logger: silentLogger,
    only,
  });

test("every controller has a name of its own", () => {
  const names = controllers.map((c) => c.name);
  assert.equal(new Set(names).size, names.length);
});

test("a controller that does not exist is refused by name", () => {
  assert.throws(() => start(["deploment-controller"]), /no controller "deploment-controller"; there are .*deployment-controller/);
});

test("each controller acts with its own account and reads through the shared one", async () => {
  const asked: string[] = [];
  const running = start(["deployment-controller", "replicationcontroller-controller"], asked);
  await running.started;
  assert.deepEqual(asked, ["shared-informers", "deployment-controller", "replication-controller"]);
  assert.equal(running.quiet, true);
  await running[Symbol.asyncDispose]();
});
