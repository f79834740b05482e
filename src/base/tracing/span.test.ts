import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../clock.ts";
import { seededRandom } from "../random.ts";
import { type FinishedSpan, parseTraceparent, traceHeaders, Tracer } from "./span.ts";

function tracing(ratio: number) {
  const clock = new VirtualClock();
  const taken: FinishedSpan[] = [];
  return { clock, taken, tracer: new Tracer({ clock, random: seededRandom(1), ratio, take: (span) => taken.push(span) }) };
}
const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };

test("a span knows its trace, its parent, when it was, and what was said of it", async () => {
  const { clock, taken, tracer } = tracing(1);
  const outer = tracer.start("outer", { kind: "server", attributes: { a: 1 } });
  const inner = outer.child("inner");
  await clock.advance(20);
  inner.fail("broken");
  inner.end();
  await clock.advance(5);
  outer.set({ b: "two" });
  outer.end();
  outer.end();
  assert.deepEqual(
    taken.map(({ name, kind, parent, attributes, error, began, ended }) => [name, kind, parent, attributes, error, ended - began]),
    [
      ["inner", "internal", outer.context.spanId, {}, "broken", 20],
      ["outer", "server", undefined, { a: 1, b: "two" }, undefined, 25],
    ],
  );
  assert.equal(inner.context.traceId, outer.context.traceId);
  assert.equal(taken[1]?.ended, clock.now());
});

test("a trace goes on as its caller decided; a new one names the caller's", () => {
  const { taken, tracer } = tracing(0);
  tracer.start("kept", { parent: caller }).end();
  tracer.start("dropped", { parent: { ...caller, sampled: false } }).end();
  tracer.start("dropped, too").end();
  tracer.start("a new one", { parent: caller, root: true }).end();
  assert.deepEqual(
    taken.map(({ name, parent, context }) => [name, parent, context.traceId]),
    [["kept", caller.spanId, caller.traceId]],
  );
  const all = tracing(1);
  all.tracer.start("linked", { parent: caller, root: true }).end();
  assert.deepEqual(all.taken[0]?.links, [caller]);
  assert.equal(all.taken[0]?.parent, undefined);
});

test("about as many traces are kept as are asked for", () => {
  const { taken, tracer } = tracing(0.25);
  for (let i = 0; i < 1000; i++) tracer.start("one").end();
  assert.ok(taken.length > 200 && taken.length < 300, String(taken.length));
});

test("the headers of a trace are read as they are written; what is not valid is none", () => {
  assert.deepEqual(parseTraceparent(traceHeaders(caller).traceparent), caller);
  assert.deepEqual(traceHeaders({ ...caller, sampled: false, state: "a=b" }), { traceparent: `00-${caller.traceId}-${caller.spanId}-00`, tracestate: "a=b" });
  for (const wrong of [
    undefined,
    "",
    "00-1-2-01",
    `00-${"0".repeat(32)}-${caller.spanId}-01`,
    `00-${caller.traceId}-${"0".repeat(16)}-01`,
    `ff-${caller.traceId}-${caller.spanId}-01`,
  ])
    assert.equal(parseTraceparent(wrong), undefined);
});
