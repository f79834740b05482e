import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { Progress } from "./progress.ts";

function terminal(isTTY: boolean): { write(text: string): void; isTTY: boolean; text: string } {
  return {
    isTTY,
    text: "",
    write(text) {
      this.text += text;
    },
  };
}

test("away from a terminal each step is one line, written when it is done, with its time and last note", async () => {
  const [out, clock] = [terminal(false), new VirtualClock(0)];
  const value = await new Progress(out, clock).step("server", async (note) => {
    note("starting");
    await clock.advance(1234);
    note("https://127.0.0.1:6443");
    assert.equal(out.text, "");
    return 42;
  });
  assert.equal(value, 42);
  assert.equal(out.text, "✓ server           1.23 s  https://127.0.0.1:6443\n");
});

test("a step that fails has its line, and the error goes on", async () => {
  const out = terminal(false);
  await assert.rejects(
    new Progress(out, new VirtualClock(0)).step("node", () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.match(out.text, /^✗ node +0\.00 s\n$/);
});

test("on a terminal the line is there from the start and is written over", async () => {
  const out = terminal(true);
  await new Progress(out, new VirtualClock(0), false).step("packages", (note) => note("apt-get update"));
  assert.equal(out.text, "  packages ...\r\x1b[K  packages ... apt-get update\r\x1b[K✓ packages         0.00 s  apt-get update\n");
});

test("colour only where it was asked for", async () => {
  const out = terminal(true);
  await new Progress(out, new VirtualClock(0), true).step("a", () => {});
  assert.ok(out.text.includes("\x1b[32m✓\x1b[0m"));
});
