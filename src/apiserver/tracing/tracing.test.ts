import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { type FinishedSpan, Tracer } from "../../base/tracing/span.ts";
import { parseRequestInfo } from "../request-info.ts";
import { readTracing } from "./configuration.ts";
import { outgoingSpan } from "./outgoing.ts";
import { beginTrace, enterStep, traced, verbSpan } from "./request-trace.ts";

const request = (method: string, path: string, headers: Record<string, string> = {}): ApiRequest => ({
  ...{ method, path, query: new URLSearchParams("a=b"), remoteAddress: "10.0.0.1", signal: new AbortController().signal },
  headers: { ":authority": "127.0.0.1:6443", "user-agent": "kubectl", ...headers },
});
function world() {
  const clock = new VirtualClock();
  const taken: FinishedSpan[] = [];
  return { clock, taken, tracer: new Tracer({ clock, random: seededRandom(1), ratio: 1, take: (span) => taken.push(span) }) };
}
const trace = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${trace}-b7ad6b7169203331-01`;

test("a request is a span that is named like its route, with the verb's span and what is asked of others in it", async () => {
  const { clock, taken, tracer } = world();
  const asked = request("GET", "/api/v1/namespaces/default/pods/p");
  const info = parseRequestInfo(asked.method, asked.path, asked.query);
  const span = beginTrace(tracer, asked, info, { name: "jane", groups: [] }, clock.monotonic());
  enterStep(asked, span, "audit");
  if (asked.span) enterStep(asked, asked.span, "authorization");
  asked.span?.end();
  const verb = asked.span && verbSpan(asked.span, asked, info);
  if (verb) outgoingSpan(verb, "POST", "https://hook.a.svc:443/check?timeout=5s").end();
  verb?.end();
  await clock.advance(3);
  traced(span, { status: 503, headers: { "audit-id": "id" }, body: Buffer.from("late") }, false);
  assert.deepEqual(
    taken.map(({ name, kind, error }) => [name, kind, error]),
    [
      ["audit", "internal", undefined],
      ["authorization", "internal", undefined],
      ["HTTP POST", "client", undefined],
      ["Get", "internal", undefined],
      ["GET /api/v1/namespaces/{:namespace}/pods/{:name}", "server", ""],
    ],
  );
  assert.deepEqual(taken.at(-1)?.attributes, {
    ...{ "server.address": "127.0.0.1", "server.port": 6443, "http.request.method": "GET", "url.scheme": "https", "network.peer.address": "10.0.0.1" },
    ...{ "user_agent.original": "kubectl", "client.address": "10.0.0.1", "url.path": asked.path, "http.target": `${asked.path}?a=b` },
    ...{ "http.response.status_code": 503, "audit-id": "id", "http.response.body.size": 4 },
  });
  assert.equal(taken[3]?.attributes.scope, "resource");
});

test("administrators continue the trace that they name, others begin one that refers to it", () => {
  const { clock, taken, tracer } = world();
  const asked = request("POST", "/apis/apps/v1/deployments", { traceparent });
  const info = parseRequestInfo(asked.method, asked.path, asked.query);
  for (const groups of [["system:masters"], ["system:authenticated"]]) beginTrace(tracer, asked, info, { name: "x", groups }, clock.monotonic()).end();
  assert.deepEqual(
    taken.map(({ context, parent, links }) => [context.traceId === trace, parent, links.length]),
    [
      [true, "b7ad6b7169203331", 0],
      [false, undefined, 1],
    ],
  );
});

test("a trace of a stream ends with the stream", async () => {
  const { clock, taken, tracer } = world();
  const asked = request("GET", "/api/v1/pods");
  const span = beginTrace(tracer, asked, parseRequestInfo("GET", asked.path, new URLSearchParams("watch=1")), { name: "x", groups: [] }, clock.monotonic());
  async function* events(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one");
    yield Buffer.from("two");
  }
  const { body } = traced(span, { status: 200, headers: {}, body: events() }, true);
  assert.equal(taken.length, 0);
  for await (const _ of body as AsyncIterable<Uint8Array>);
  assert.equal(taken[0]?.attributes["http.response.body.size"], 6);
});

test("a configuration names a collector and a rate within bounds", () => {
  const text = (more: object): string => JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "TracingConfiguration", ...more });
  assert.deepEqual(readTracing(text({})), { endpoint: "dns:///localhost:4317", samplingRatePerMillion: 0 });
  assert.deepEqual(readTracing(text({ endpoint: "unix:///run/c.sock", samplingRatePerMillion: 5 })), {
    endpoint: "unix:///run/c.sock",
    samplingRatePerMillion: 5,
  });
  assert.throws(() => readTracing(text({ samplingRatePerMillion: 1_000_001 })), {
    message: "samplingRatePerMillion: Invalid value: 1000001: sampling rate per million must be less than or equal to one million",
  });
  assert.throws(() => readTracing(text({ endpoint: "https://c" })), /endpoint: Invalid value: "https:\/\/c": unsupported scheme: https\. {2}Options are none/);
});
