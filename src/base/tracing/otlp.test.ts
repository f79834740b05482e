import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock, VirtualClock } from "../clock.ts";
import { implement, serveGrpc } from "../grpc/server.ts";
import { silentLogger } from "../logger.ts";
import { encodeSpans, SpanExporter, traceService } from "./otlp.ts";
import type { FinishedSpan } from "./span.ts";

const directory = mkdtempSync(join(tmpdir(), "otlp-"));
after(() => rmSync(directory, { recursive: true }));

const context = { traceId: "000102030405060708090a0b0c0d0e0f", spanId: "0001020304050607", sampled: true };
const span: FinishedSpan = {
  ...{ name: "GET", kind: "server", context, parent: "08090a0b0c0d0e0f", links: [], began: 1, ended: 2.5 },
  attributes: { code: 200, path: "/", ok: true, part: 0.5, none: "" },
  error: "",
};

/** What go.opentelemetry.io/proto/otlp 1.10.0 makes of the same request. */
const golden = [
  "0acb01",
  "0a150a130a0c736572766963652e6e616d6512030a0161",
  "12b1010a030a0173",
  "12a9010a10000102030405060708090a0b0c0d0e0f12080001020304050607220808090a0b0c0d0e0f",
  "2a03474554300239",
  "40420f0000000000",
  "41a025260000000000",
  "4a0b0a04636f6465120318c801",
  "4a0b0a047061746812030a012f",
  "4a080a026f6b12021001",
  "4a110a0470617274120921000000000000e03f",
  "4a0a0a046e6f6e6512020a00",
  "6a210a10000102030405060708090a0b0c0d0e0f120808090a0b0c0d0e0f1a03613d62",
  "7a021802",
].join("");

test("spans are written byte for byte as upstream's library writes them", () => {
  const links = [{ traceId: context.traceId, spanId: "08090a0b0c0d0e0f", sampled: true, state: "a=b" }];
  assert.equal(encodeSpans({ "service.name": "a" }, "s", [{ ...span, links }]).toString("hex"), golden);
});

test("spans arrive at the collector in batches; what waits is sent in the end", async () => {
  const socket = join(directory, "collector.sock");
  const sizes: number[] = [];
  const count = (bytes: Uint8Array): number => Buffer.from(bytes).toString("hex").split("2a03474554").length - 1;
  await using _server = await serveGrpc(
    socket,
    implement(traceService, {
      async Export({ message }) {
        sizes.push(count(message));
        return {};
      },
    }),
  );
  const clock = new VirtualClock();
  {
    await using exporter = new SpanExporter({
      endpoint: `unix://${socket}`,
      resource: {},
      scope: "s",
      clock: { ...systemClock, after: clock.after.bind(clock) },
      logger: silentLogger,
    });
    for (let i = 0; i < 600; i++) exporter.take(span);
  }
  assert.deepEqual(sizes, [512, 88]);
});

test("a collector that is not there costs nothing but a warning", async () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
  {
    await using exporter = new SpanExporter({ endpoint: `unix://${directory}/none.sock`, resource: {}, scope: "s", clock: systemClock, logger });
    for (let i = 0; i < 3000; i++) exporter.take(span);
  }
  assert.deepEqual(warnings, ["traces cannot be exported"]);
});
