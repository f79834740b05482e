import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { type Logger, silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import type { AuditEvent } from "./auditor.ts";
import { AuditWebhook, type AuditWebhookOptions, fitting } from "./webhook.ts";

const event = (auditID: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  ...{ kind: "Event", apiVersion: "audit.k8s.io/v1", level: "Metadata", auditID, stage: "ResponseComplete", requestURI: "/", verb: "get" },
  ...{ user: { username: "u" }, requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z", stageTimestamp: "2026-01-01T00:00:00.000000Z" },
  ...more,
});
function webhook(more: Partial<AuditWebhookOptions> = {}, fails = 0) {
  const clock = new VirtualClock();
  const lists: string[][] = [];
  const told: string[] = [];
  const logger: Logger = { ...silentLogger, error: (message) => told.push(message) };
  let calls = 0;
  const sink = new AuditWebhook({
    async send(body) {
      if (++calls <= fails) throw new Error("not now");
      const list = JSON.parse(body.toString()) as { kind: string; apiVersion: string; items: AuditEvent[] };
      assert.deepEqual([list.kind, list.apiVersion], ["EventList", "audit.k8s.io/v1"]);
      lists.push(list.items.map(({ auditID }) => auditID));
    },
    ...{ clock, random: seededRandom(1), logger },
    ...more,
  });
  return { clock, lists, told, sink, calls: () => calls };
}

test("a batch goes when it is full, or when its time is over", async () => {
  const { clock, lists, sink } = webhook({ maxBatch: 2, maxWait: 1000 });
  for (const id of ["a", "b", "c"]) sink.write(event(id));
  await clock.advance(0);
  assert.deepEqual(lists, [["a", "b"]]);
  await clock.advance(1000);
  assert.deepEqual(lists, [["a", "b"], ["c"]]);
});

test("what is not taken is tried five times, later each time, and then told", async () => {
  const taken = webhook({ maxBatch: 1, initialBackoff: 100 }, 4);
  taken.sink.write(event("a"));
  await taken.clock.advance(99);
  assert.equal(taken.calls(), 1);
  await taken.clock.advance(1000);
  assert.deepEqual([taken.calls(), taken.lists, taken.told.length], [5, [["a"]], 0]);
  const lost = webhook({ maxBatch: 1, initialBackoff: 100 }, 99);
  lost.sink.write(event("a"));
  await lost.clock.advance(60_000);
  assert.deepEqual([lost.calls(), lost.told], [5, ["audit events are lost: the webhook does not take them"]]);
});

test("no more batches go than the rate allows, and nothing is lost for it", async () => {
  const { clock, lists, sink } = webhook({ maxBatch: 1, throttle: { qps: 10, burst: 2 } });
  for (let i = 0; i < 5; i++) sink.write(event(String(i)));
  await clock.advance(0);
  assert.equal(lists.length, 2);
  await clock.advance(100);
  assert.equal(lists.length, 3);
  await clock.advance(200);
  assert.deepEqual(lists.flat(), ["0", "1", "2", "3", "4"]);
});

test("events beyond the buffer are dropped and told once", async () => {
  const { lists, told, sink } = webhook({ bufferSize: 2, maxBatch: 10 });
  for (let i = 0; i < 9; i++) sink.write(event(String(i)));
  assert.equal(told.length, 1);
  await sink[Symbol.asyncDispose]();
  assert.deepEqual(lists, [["0", "1"]]);
});

test("an event that is too large loses its bodies, and goes if that is not enough", async () => {
  const big = event("a", { requestObject: { data: "x".repeat(5000) }, annotations: { k: "v" } });
  assert.equal(fitting(big, 10_000), fitting(big, 9_000));
  const cut = JSON.parse(fitting(big, 1000) as string) as AuditEvent;
  assert.deepEqual([cut.requestObject, cut.annotations], [undefined, { k: "v", "audit.k8s.io/truncated": "true" }]);
  assert.equal(fitting(big, 100), undefined);
  const { lists, sink } = webhook({ truncate: { maxBatch: 700, maxEvent: 1000 } });
  for (const id of ["a", "b", "c"]) sink.write(event(id));
  await sink[Symbol.asyncDispose]();
  assert.ok(lists.length > 1);
  assert.deepEqual(lists.flat(), ["a", "b", "c"]);
});
