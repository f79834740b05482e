import assert from "node:assert/strict";
import test from "node:test";
import { LazyAbort, onAbort } from "./lazy-abort.ts";

test("whoever asked is told once, with the reason, before or after it happened, and who took it back is not", () => {
  const abort = new LazyAbort();
  const told: unknown[] = [];
  abort.onAbort((reason) => told.push("first", reason));
  abort.onAbort(() => told.push("never"))();
  const before = abort.signal;
  const gone = new Error("gone");
  abort.abort(gone);
  abort.abort(new Error("again"));
  abort.onAbort((reason) => told.push("late", reason));
  assert.deepEqual(told, ["first", gone, "late", gone]);
  assert.equal(before.reason, gone);
  const late = new LazyAbort();
  late.abort(gone);
  assert.equal(late.signal.reason, gone);
});

test("a request that has only a signal is listened to by it", () => {
  const controller = new AbortController();
  const told: unknown[] = [];
  onAbort({ signal: controller.signal }, () => told.push("never"))();
  onAbort({ signal: controller.signal }, (reason) => told.push(reason));
  controller.abort("gone");
  onAbort({ signal: controller.signal }, (reason) => told.push(reason));
  assert.deepEqual(told, ["gone", "gone"]);
});
