import assert from "node:assert/strict";
import test from "node:test";
import { Metrics } from "./metrics.ts";

test("counters and histograms come out in the text format, labels escaped, buckets cumulative", () => {
  const metrics = new Metrics();
  const requests = metrics.counter("requests_total", "Requests.", ["path"]);
  requests.inc('a"b\\c\nd');
  requests.add(2, "plain");
  const seconds = metrics.histogram("seconds", "Time.", [0.1, 1], ["verb"]);
  seconds.observe(0.1, "GET");
  seconds.observe(0.5, "GET");
  seconds.observe(7, "GET");
  assert.equal(
    metrics.expose(),
    [
      "# HELP requests_total Requests.",
      "# TYPE requests_total counter",
      'requests_total{path="a\\"b\\\\c\\nd"} 1',
      'requests_total{path="plain"} 2',
      "# HELP seconds Time.",
      "# TYPE seconds histogram",
      'seconds_bucket{verb="GET",le="0.1"} 1',
      'seconds_bucket{verb="GET",le="1"} 2',
      'seconds_bucket{verb="GET",le="+Inf"} 3',
      'seconds_sum{verb="GET"} 7.6',
      'seconds_count{verb="GET"} 3',
      "",
    ].join("\n"),
  );
});

test("a gauge can be looked up at exposition and a name is taken once", () => {
  const metrics = new Metrics();
  const gauge = metrics.gauge("things", "Things.");
  let things = 3;
  metrics.onCollect(() => gauge.set(things));
  assert.match(metrics.expose(), /^things 3$/m);
  things = 5;
  assert.match(metrics.expose(), /^things 5$/m);
  assert.throws(() => metrics.counter("things", ""), /exists/);
});

test("a series that is bound counts without its labels; one that was cleared is shown no more", () => {
  const metrics = new Metrics();
  const gauge = metrics.gauge("things", "Things.", ["zone"]);
  const bound = gauge.with("a");
  bound.value += 2;
  gauge.inc("a");
  gauge.set(1, "b");
  assert.equal(bound.value, 3);
  assert.match(metrics.expose(), /^things\{zone="a"\} 3\nthings\{zone="b"\} 1$/m);
  gauge.clear();
  gauge.set(5, "b");
  assert.equal(metrics.expose(), '# HELP things Things.\n# TYPE things gauge\nthings{zone="b"} 5\n');
});

test("what is reset is shown again when something is told to it, bound or not; what has no labels stays", () => {
  const metrics = new Metrics();
  const [counter, gauge, histogram] = [metrics.counter("a", "A.", ["x"]), metrics.gauge("b", "B.", ["x"]), metrics.histogram("c", "C.", [1], ["x"])];
  const [plain, level, waits] = [metrics.counter("d", "D."), metrics.gauge("e", "E."), metrics.histogram("f", "F.", [1])];
  const [count, tell, observe] = [counter.with("1"), gauge.with("1"), histogram.series("1")];
  const all = (): void => {
    count.value++;
    tell.value++;
    observe(0.5);
    plain.inc();
    level.set(4);
    waits.observe(0.5);
  };
  const values = (): string[] =>
    metrics
      .expose()
      .split("\n")
      .filter((line) => line && !/^#|_bucket|_sum/.test(line));
  all();
  assert.deepEqual(values(), ['a{x="1"} 1', 'b{x="1"} 1', 'c_count{x="1"} 1', "d 1", "e 4", "f_count 1"]);
  metrics.reset();
  assert.deepEqual(values(), ["d 0", "e 4", "f_count 1"]);
  all();
  assert.deepEqual(values(), ['a{x="1"} 1', 'b{x="1"} 2', 'c_count{x="1"} 1', "d 1", "e 4", "f_count 2"]);
  metrics.reset();
  gauge.set(2, "1");
  assert.deepEqual(values(), ['b{x="1"} 2', "d 0", "e 4", "f_count 2"]);
});

test("bounds are written as Go writes them", () => {
  const metrics = new Metrics();
  metrics.histogram("h", "H.", [0.00005, 0.0001, 0.005, 1, 150_000, 1e6, 2_592_000, 1e9]).observe(1);
  const bounds = [...metrics.expose().matchAll(/le="([^"]+)"/g)].map(([, bound]) => bound);
  assert.deepEqual(bounds, ["5e-05", "0.0001", "0.005", "1", "150000", "1e+06", "2.592e+06", "1e+09", "+Inf"]);
});

test("another component's metrics are shown beside, once each", () => {
  const [own, other] = [new Metrics(), new Metrics()];
  own.counter("b", "B.").inc();
  other.counter("a", "A.").inc();
  other.counter("b", "B.").add(7);
  let looked = 0;
  other.onCollect(() => looked++);
  own.include(other);
  assert.deepEqual(
    own
      .expose()
      .split("\n")
      .filter((line) => !line.startsWith("#")),
    ["a 1", "b 1", ""],
  );
  assert.equal(looked, 1);
});
