import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalDuration,
  canonicalMicroTime,
  canonicalTime,
  formatDuration,
  formatMicroTime,
  formatTime,
  goSeconds,
  humanDuration,
  parseDuration,
  parseTime,
} from "./time.ts";

test("times are kept in UTC and whole seconds", () => {
  assert.equal(canonicalTime("2026-02-28T23:59:59.999+01:00"), "2026-02-28T22:59:59Z");
  assert.equal(canonicalTime("2026-02-28T23:59:59Z"), "2026-02-28T23:59:59Z");
  assert.equal(canonicalTime("0001-01-01T00:00:00Z"), null);
  assert.equal(formatTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678)), "2026-01-02T03:04:05Z");
  assert.equal(parseTime("1970-01-01T00:00:01.5Z"), 1500);
});

test("seconds begin anew where Go's nanoseconds end, as kube-apiserver shows them in deletions", () => {
  assert.equal(goSeconds(30), 30_000);
  assert.equal(goSeconds(9_000_000_000), 9_000_000_000_000);
  assert.equal(Math.floor(goSeconds(9_300_000_000) / 1000), -9_146_744_074);
  assert.equal(Math.floor(goSeconds(1e12) / 1000), 3_875_820_019);
  assert.equal(Math.floor(goSeconds(10n ** 18n) / 1000), -6_930_898_828);
});

test("micro times have six decimals, no more and no less", () => {
  assert.equal(canonicalMicroTime("2026-01-01T00:00:00.123456+02:00"), "2025-12-31T22:00:00.123456Z");
  assert.throws(() => canonicalMicroTime("2026-01-01T00:00:00Z"), /cannot parse "Z" as "\.000000"/);
  assert.equal(formatMicroTime(1.5), "1970-01-01T00:00:00.001500Z");
});

test("what is no time is refused with Go's message", () => {
  assert.throws(() => canonicalTime("x"), { message: 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"' });
  assert.throws(() => canonicalTime('e\u0301\n"\u007f'), /^Error: parsing time "e\\xcc\\x81\\x0a\\"\u007f" as /);
  assert.throws(() => canonicalTime("2026-02-30T00:00:00Z"), { message: 'parsing time "2026-02-30T00:00:00Z": day out of range' });
  assert.throws(() => canonicalTime("2026-01-01T00:00:00Zx"), { message: 'parsing time "2026-01-01T00:00:00Zx": extra text: "x"' });
});

test("durations read and print as Go's", () => {
  const printed: Record<string, string> = {
    "90s": "1m30s",
    "1h": "1h0m0s",
    "1500ms": "1.5s",
    "0": "0s",
    "-1.5h": "-1h30m0s",
    "1us": "1\u00b5s",
    "100ms": "100ms",
    ".5s": "500ms",
  };
  for (const [text, expected] of Object.entries(printed)) assert.equal(canonicalDuration(text), expected);
  assert.throws(() => canonicalDuration("1constructor"), { message: 'time: unknown unit "constructor" in duration "1constructor"' });
  assert.throws(() => canonicalDuration("5"), { message: 'time: missing unit in duration "5"' });
  assert.throws(() => canonicalDuration("5d"), { message: 'time: unknown unit "d" in duration "5d"' });
  assert.throws(() => canonicalDuration("1constructor"), { message: 'time: unknown unit "constructor" in duration "1constructor"' });
  assert.throws(() => canonicalDuration(""), { message: 'time: invalid duration ""' });
  assert.equal(formatDuration(parseDuration("2m3.25s")), "2m3.25s");
});

test("ages show two units at most", () => {
  const second = 1000;
  const ages: [number, string][] = [
    [-5 * second, "<invalid>"],
    [-0.5 * second, "0s"],
    [119 * second, "119s"],
    [120 * second, "2m"],
    [125 * second, "2m5s"],
    [601 * second, "10m"],
    [179 * 60 * second, "179m"],
    [181 * 60 * second, "3h1m"],
    [9 * 3600 * second, "9h"],
    [49 * 3600 * second, "2d1h"],
    [200 * 3600 * second, "8d"],
    [800 * 24 * 3600 * second, "2y70d"],
    [3650 * 24 * 3600 * second, "10y"],
  ];
  for (const [ms, expected] of ages) assert.equal(humanDuration(ms), expected);
});

test("a time whose year in UTC has no four digits is refused", () => {
  for (const text of ["0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-23:00"]) assert.throws(() => canonicalTime(text), /year outside of range/);
  assert.equal(canonicalTime("0000-01-01T00:00:00Z"), "0000-01-01T00:00:00Z");
});
