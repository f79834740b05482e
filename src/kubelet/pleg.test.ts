import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { createLogger } from "../base/logger.ts";
import { CriError } from "../cri/client.ts";
import { Pleg } from "./pleg.ts";
import type { PodSummary, Runtime } from "./runtime.ts";
import { labels } from "./runtime-pod.ts";

const summary = (uid: string, fingerprint: string): PodSummary => ({ uid, namespace: "n", name: uid, sandboxIds: [], fingerprint, running: true });

class FakeRuntime {
  pods: PodSummary[] = [];
  lists = 0;
  #events: object[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  readonly cri = { stream: () => this.#stream() };

  async summaries(): Promise<Map<string, PodSummary>> {
    this.lists++;
    return new Map(this.pods.map((pod) => [pod.uid, pod]));
  }
  send(event: object): void {
    this.#events.push(event);
    this.#wake?.();
  }
  end(failure: Error): void {
    this.#failure = failure;
    this.#wake?.();
  }
  async *#stream(): AsyncGenerator<object> {
    for (;;) {
      const event = this.#events.shift();
      if (event) yield event;
      else if (this.#failure) {
        const failure = this.#failure;
        this.#failure = undefined;
        throw failure;
      } else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

async function started(t: { after(fn: () => void): void }) {
  const clock = new VirtualClock(0);
  const runtime = new FakeRuntime();
  runtime.pods = [summary("a", "1")];
  const stop = new AbortController();
  t.after(() => stop.abort());
  const changes: [string, string | undefined][] = [];
  const pleg = new Pleg({
    runtime: runtime as unknown as Runtime,
    clock,
    logger: createLogger({ name: "t", clock, write: () => undefined }),
    interval: 1000,
    signal: stop.signal,
    onChange: (uid, seen) => changes.push([uid, seen?.fingerprint]),
    onList: () => undefined,
  });
  await pleg.start();
  const settle = async (ms = 0): Promise<void> => {
    await clock.advance(ms);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { pleg, runtime, changes, settle };
}

test("without events, lists that differ tell what has changed", async (t) => {
  const { runtime, changes, settle } = await started(t);
  runtime.end(new CriError(12, "unknown method"));
  assert.deepEqual(changes, [["a", "1"]]);
  runtime.pods = [summary("b", "2")];
  await settle(1000);
  assert.deepEqual(changes.slice(1), [
    ["b", "2"],
    ["a", undefined],
  ]);
  await settle(1000);
  assert.equal(runtime.lists, 3);
});

test("a pod that was asked for is told of once more by the next list, changed or not, and when it is gone", async (t) => {
  const { pleg, runtime, changes, settle } = await started(t);
  runtime.end(new CriError(12, "unknown method"));
  pleg.tellAgain("a");
  pleg.tellAgain("x");
  await settle(1000);
  assert.deepEqual(changes.slice(1), [
    ["a", "1"],
    ["x", undefined],
  ]);
  await settle(1000);
  assert.equal(changes.length, 3);
});

test("while events come, lists are rare; when they end, one is made at once and they are often again", async (t) => {
  const { runtime, changes, settle } = await started(t);
  runtime.send({ podSandboxStatus: { labels: { [labels.podUid]: "x" } } });
  await settle();
  assert.deepEqual(changes.at(-1), ["x", undefined]);
  await settle(30_000);
  assert.equal(runtime.lists, 1);
  // An event that names nobody is looked up.
  runtime.send({});
  await settle();
  assert.equal(runtime.lists, 2);
  runtime.pods = [summary("a", "3")];
  runtime.end(new CriError(14, "the runtime is gone"));
  await settle();
  assert.equal(runtime.lists, 3);
  assert.deepEqual(changes.at(-1), ["a", "3"]);
  await settle(1000);
  assert.equal(runtime.lists, 4);
});
