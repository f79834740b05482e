import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { parseRequestInfo } from "../request-info.ts";
import { deal, flowHash } from "./dealer.ts";
import { type FlowRequest, formatSeatSeconds, QueueSet, type Work } from "./queue-set.ts";
import { flowControlSeries } from "./series.ts";

const info = parseRequestInfo("GET", "/api/v1/pods", new URLSearchParams());
const about = { info, user: { name: "u", groups: [] }, distinguisher: "" };
const one: Work = { initialSeats: 1, finalSeats: 0, additionalLatency: 0 };

function setOf(queues: number, queueLengthLimit: number, limit: number) {
  const clock = new VirtualClock();
  const metrics = new Metrics();
  const series = flowControlSeries(metrics, clock);
  const set: QueueSet = new QueueSet(
    clock,
    series.level("level", () => set.currentR),
  );
  set.configure({ queues, queueLengthLimit }, limit);
  return { clock, metrics, set, flow: series.flow("level", "schema") };
}

test("a request beyond the seats waits, one beyond the queue's length is refused, and the end of one lets the next go", () => {
  const { set, flow } = setOf(1, 1, 1);
  const first = set.start(flow, about, one, [0]) as FlowRequest;
  const second = set.start(flow, about, one, [0]) as FlowRequest;
  const decisions: boolean[] = [];
  second.decided = (execute) => decisions.push(execute);
  assert.deepEqual([first.state, second.state], ["executing", "waiting"]);
  assert.equal(set.start(flow, about, one, [0]), undefined);
  assert.equal(set.rejected, 1);
  set.finish(first);
  assert.deepEqual(decisions, [true]);
  assert.equal(second.state, "executing");
  set.finish(second);
  set.finish(second);
  assert.deepEqual([set.isIdle, set.seatsInUse, set.seatsWaiting], [true, 0, 0]);
});

test("who waited too long goes without having been served", () => {
  const { set, flow, metrics } = setOf(1, 5, 1);
  const first = set.start(flow, about, one, [0]) as FlowRequest;
  const second = set.start(flow, about, one, [0]) as FlowRequest;
  let decision: boolean | undefined;
  second.decided = (execute) => {
    decision = execute;
  };
  set.cancel(second);
  assert.equal(decision, false);
  set.finish(first);
  assert.deepEqual([set.isIdle, set.cancelled, set.dispatched], [true, 1, 1]);
  assert.match(metrics.expose(), /rejected_requests_total\{priority_level="level",flow_schema="schema",reason="time-out"\} 1/);
});

test("a wide request waits for room and is not passed by narrow ones of its queue; one wider than the level runs alone", () => {
  const { set, flow } = setOf(1, 10, 4);
  const wide: Work = { ...one, initialSeats: 4 };
  const small = set.start(flow, about, one, [0]) as FlowRequest;
  const big = set.start(flow, about, wide, [0]) as FlowRequest;
  const later = set.start(flow, about, one, [0]) as FlowRequest;
  assert.deepEqual([small.state, big.state, later.state], ["executing", "waiting", "waiting"]);
  set.finish(small);
  assert.deepEqual([big.state, later.state, set.seatsInUse], ["executing", "waiting", 4]);
  set.finish(big);
  const huge = set.start(flow, about, { ...one, initialSeats: 9 }, [0]) as FlowRequest;
  assert.equal(huge.state, "waiting");
  set.finish(later);
  assert.equal(huge.state, "executing");
});

test("seats that a write's events take are given back when their time is over", async () => {
  const { set, flow, clock } = setOf(1, 10, 2);
  const write = set.start(flow, about, { initialSeats: 1, finalSeats: 2, additionalLatency: 30 }, [0]) as FlowRequest;
  const next = set.start(flow, about, one, [0]) as FlowRequest;
  set.finish(write);
  assert.equal(next.state, "waiting");
  await clock.advance(29);
  assert.equal(next.state, "waiting");
  await clock.advance(1);
  assert.equal(next.state, "executing");
});

test("a flow that sends a thousand does not starve one that sends now and then", async () => {
  const { set, flow, clock } = setOf(8, 1000, 2);
  const running: FlowRequest[] = [];
  const offer = (queue: number): FlowRequest => {
    const request = set.start(flow, about, one, [queue]) as FlowRequest;
    if (request.state === "executing") running.push(request);
    else request.decided = (execute) => execute && running.push(request);
    return request;
  };
  for (let i = 0; i < 500; i++) offer(0);
  for (let round = 0; round < 20; round++) {
    const seldom = offer(1);
    let rounds = 0;
    while (seldom.state === "waiting") {
      await clock.advance(3);
      for (const request of running.splice(0)) set.finish(request);
      rounds++;
    }
    assert.ok(rounds <= 2, `waited for ${rounds} rounds`);
    set.finish(seldom);
    running.splice(0, running.length, ...running.filter((request) => request !== seldom));
  }
});

test("two flows that always have work get the same number of seats, whatever each sends", async () => {
  const { set, flow, clock } = setOf(2, 10_000, 4);
  const served = [0, 0];
  let running: { request: FlowRequest; queue: number }[] = [];
  const offer = (queue: number): void => {
    const request = set.start(flow, about, one, [queue]) as FlowRequest;
    const go = (): void => {
      running.push({ request, queue });
      served[queue] = (served[queue] as number) + 1;
    };
    if (request.state === "executing") go();
    else request.decided = (execute) => execute && go();
  };
  for (let i = 0; i < 2000; i++) offer(0);
  for (let i = 0; i < 400; i++) offer(1);
  for (let step = 0; step < 150; step++) {
    await clock.advance(5);
    const done = running;
    running = [];
    for (const { request } of done) set.finish(request);
  }
  const [a = 0, b = 0] = served;
  assert.ok(Math.abs(a - b) <= 8, `${a} and ${b}`);
});

test("whatever happens in whatever order, seats stay within the limit and all books balance", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const { set, flow, clock } = setOf(1 + random.int(8), 1 + random.int(6), 1 + random.int(6));
    const live = new Set<FlowRequest>();
    for (let step = 0; step < 400; step++) {
      const what = random.int(10);
      if (what < 5) {
        const queues = (set.limiting as { queues: number }).queues;
        const hand = deal(BigInt(random.int(1e9)), queues, Math.min(queues, 3));
        const seats = 1 + random.int(3);
        const request = set.start(flow, about, { initialSeats: seats, finalSeats: random.int(3), additionalLatency: random.int(2) * 7 }, hand);
        if (request) live.add(request);
      } else if (what < 8) {
        for (const request of live)
          if (request.state === "executing") {
            set.finish(request);
            live.delete(request);
            break;
          }
      } else if (what === 8) {
        for (const request of live)
          if (request.state === "waiting") {
            set.cancel(request);
            live.delete(request);
            break;
          }
      } else if (random.int(8) === 0) set.configure({ queues: 1 + random.int(8), queueLengthLimit: 1 + random.int(6) }, set.limit);
      else await clock.advance(random.int(6));
      const widest = Math.max(0, ...[...set.executing].map((request) => request.maxSeats));
      // Only one that is wider than the level exceeds it, alone.
      assert.ok(set.seatsInUse <= set.limit || set.executing.size <= 1, `seed ${seed}`);
      assert.ok(set.seatsInUse <= Math.max(set.limit, widest, 3), `seed ${seed}`);
      assert.equal(
        set.waiting,
        set.queues.reduce((sum, queue) => sum + queue.waiting.length, 0),
      );
      assert.deepEqual(
        set.queues.map((queue) => queue.index),
        set.queues.map((_, i) => i),
      );
    }
    for (let rounds = 0; !set.isIdle && rounds < 2000; rounds++) {
      for (const request of [...set.executing]) set.finish(request);
      await clock.advance(20);
    }
    await clock.advance(20);
    assert.deepEqual([set.isIdle, set.seatsInUse, set.seatsWaiting], [true, 0, 0], `seed ${seed}`);
  }
});

test("hands are those that upstream deals, without a card twice", () => {
  assert.deepEqual(deal(8n, 3, 3), [2, 0, 1]);
  for (let seed = 0n; seed < 200n; seed++) {
    const hand = deal(flowHash("schema", String(seed)), 64, 8);
    assert.equal(new Set(hand).size, 8);
    assert.ok(hand.every((card) => card >= 0 && card < 64));
  }
});

test("work is written as seat-seconds", () => {
  assert.equal(formatSeatSeconds(0), "0.00000000ss");
  assert.equal(formatSeatSeconds(1_200_300_000), "12.00300000ss");
});
