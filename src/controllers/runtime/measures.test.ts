import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "../../base/metrics.ts";
import { countBy, exponential, Measures } from "./measures.ts";

test("a counter without labels is there from the start, and outlives its controller", () => {
  const metrics = new Metrics();
  const measures = new Measures(metrics);
  measures.counter("made_total", "What was made.");
  assert.equal(metrics.expose(), "# HELP made_total What was made.\n# TYPE made_total counter\nmade_total 0\n");
  measures.counter("made_total", "What was made.").inc();
  measures.counter("made_total", "What was made.");
  assert.match(metrics.expose(), /^made_total 1$/m);
});

test("what is looked up is that of the controller that started last", () => {
  const metrics = new Metrics();
  const measures = new Measures(metrics);
  let colours = ["red", "blue", "red"];
  measures.gauge("things", "Things.", ["colour"], () => [[99, "old"]]);
  measures.gauge("things", "Things.", ["colour"], () => countBy(colours, (colour) => (colour === "blue" ? undefined : [colour])));
  assert.match(metrics.expose(), /^things\{colour="red"\} 2$/m);
  assert.doesNotMatch(metrics.expose(), /old|blue/);
  colours = [];
  assert.doesNotMatch(metrics.expose(), /colour="red"/);
});

test("bounds grow by a factor", () => {
  assert.deepEqual(exponential(1, 4, 3), [1, 4, 16]);
});
