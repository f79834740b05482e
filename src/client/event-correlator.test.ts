import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../api/types/core-v1.gen.ts";
import { VirtualClock } from "../base/clock.ts";
import { EventCorrelator } from "./event-correlator.ts";

const event = (name: string, message: string): Event =>
  ({
    metadata: { name, namespace: "default" },
    involvedObject: { kind: "Pod", namespace: "default", name: "p", uid: "u" },
    reason: "R",
    message,
    type: "Normal",
    source: { component: "c" },
    count: 1,
    firstTimestamp: name,
  }) as unknown as Event;

test("an equal event raises the count of the first", () => {
  const correlator = new EventCorrelator(new VirtualClock());
  assert.equal(correlator.correlate(event("one", "m"))?.existing, false);
  const second = correlator.correlate(event("two", "m"));
  assert.equal(second?.existing, true);
  assert.equal(second?.event.metadata.name, "one");
  assert.equal(second?.event.count, 2);
  assert.equal(second?.event.firstTimestamp, "one");
});

test("the tenth message of one reason is combined with those that follow", () => {
  const correlator = new EventCorrelator(new VirtualClock());
  const names = Array.from({ length: 12 }, (_, i) => correlator.correlate(event(`e${i}`, `m${i}`)));
  assert.equal(names[8]?.event.message, "m8");
  assert.equal(names[9]?.event.message, "(combined from similar events): m9");
  assert.equal(names[10]?.event.metadata.name, "e9");
  assert.equal(names[11]?.event.count, 3);
});

test("of one object at most twenty-five events go out at once, then one in five minutes", async () => {
  const clock = new VirtualClock();
  const correlator = new EventCorrelator(clock);
  const out = (): boolean => correlator.correlate(event("e", "m")) !== undefined;
  assert.equal(Array.from({ length: 40 }, out).filter(Boolean).length, 25);
  await clock.advance(300_000);
  assert.deepEqual([out(), out()], [true, false]);
});
