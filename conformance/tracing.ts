/**
 * Traces beside: kube-apiserver and ours tell the same collector of the same requests. Names, kinds, parents, links, errors and
 * attributes of the spans that both have agree; what only upstream has (its storage and serialization) is listed here.
 *
 * Usage: node conformance/tracing.ts [--bin DIR] [--port P] [--verbose]
 *   --port  the first of five free ports
 */
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { implement, serveGrpc } from "../src/base/grpc/server.ts";
import { traceService } from "../src/base/tracing/otlp.ts";
import { prepare } from "./authentication/servers.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { differences, type Request, type Server, send } from "./differential/exchange.ts";
import { type CollectedSpan, readSpans } from "./tracing/collected.ts";

const { values } = parseArgs({
  options: {
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    port: { type: "string", default: "22500" },
    verbose: { type: "boolean", default: false },
  },
});
const port = Number(values.port);
const checks = new Checks("tracing");
await using ground = await prepare(values.bin, port);

const socket = ground.path("collector.sock");
/** Those of one server at a time: the other is asked later. */
let spans: CollectedSpan[] = [];
await using _collector = await serveGrpc(
  socket,
  implement(traceService, {
    async Export({ message }) {
      spans.push(...readSpans(Buffer.from(message)));
      return {};
    },
  }),
);

/** The headers by which a webhook learns of the trace. */
const heard: string[] = [];
const hook = createServer({ cert: readFileSync(ground.path("apiserver.crt")), key: readFileSync(ground.path("apiserver.key")) }, (request, response) => {
  heard.push(String(request.headers.traceparent));
  let text = "";
  request.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.on("end", () => {
    const { uid } = (JSON.parse(text) as { request: { uid: string } }).request;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid, allowed: true } }));
  });
});
await new Promise<void>((resolve) => hook.listen(port + 4, "127.0.0.1", resolve));

const file = ground.path("tracing.yaml");
writeFileSync(
  file,
  JSON.stringify({ apiVersion: "apiserver.config.k8s.io/v1", kind: "TracingConfiguration", endpoint: `unix://${socket}`, samplingRatePerMillion: 0 }),
);
await using pair = await ground.start([`--tracing-config-file=${file}`, "--enable-priority-and-fairness=true"]);

const space = "/api/v1/namespaces/default";
const configMap = (name: string): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
const webhook = (kind: string, name: string): Request => ({
  method: "POST",
  path: `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`,
  body: {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind,
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.com`,
        clientConfig: { url: `https://127.0.0.1:${port + 4}/${name}`, caBundle: readFileSync(ground.path("ca.crt")).toString("base64") },
        rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        matchConditions: [{ name: "named", expression: "object.metadata.name.startsWith('hooked')" }],
      },
    ],
  },
});
const merge = { "content-type": "application/merge-patch+json" };
const requests: Request[] = [
  { method: "POST", path: `${space}/configmaps`, body: configMap("a") },
  { method: "GET", path: `${space}/configmaps/a` },
  { method: "GET", path: `${space}/configmaps?limit=5&labelSelector=a%3Db` },
  { method: "GET", path: "/api/v1/configmaps?fieldSelector=metadata.name%3Da" },
  { method: "PATCH", path: `${space}/configmaps/a`, body: { data: { k: "v" } }, headers: merge },
  { method: "PUT", path: `${space}/configmaps/a`, body: configMap("a") },
  { method: "POST", path: `${space}/configmaps`, body: configMap("hooked") },
  { method: "DELETE", path: `${space}/configmaps/a` },
  { method: "DELETE", path: `${space}/configmaps?labelSelector=none%3Dhere` },
  { method: "GET", path: `${space}/configmaps/missing` },
  { method: "GET", path: "/apis/apps/v1/namespaces/default/deployments" },
  { method: "GET", path: "/api/v1/nodes" },
  { method: "GET", path: "/version" },
  { method: "GET", path: "/apis" },
  { method: "GET", path: "/nothing/here" },
  { method: "GET", path: `${space}/configmaps?watch=1&timeoutSeconds=1`, quiet: 1500 },
  { method: "GET", path: "/api/v1/namespaces/default", headers: { accept: "application/yaml" } },
];
const trace = (i: number): string => (i + 1).toString(16).padStart(32, "a");
const parent = "b7ad6b7169203331";

/** Steps of upstream's that ours does in another way, or not as a step of its own. */
const upstreamOnly =
  /^(SerializeObject|cacher\.|List\(recursive|Create etcd3|GuaranteedUpdate etcd3|etcdserverpb|WatchServer|WatchList|TransformFrom|TransformTo)/;
/** Attributes that our listener does not know, or that no two servers share. */
const leftOut =
  /^(network\.peer\.port|network\.protocol\.(name|version)|protocol|audit-id|server\.port|http\.request\.body\.size|http\.response\.body\.size|UID|url\.full|url|http\.read_bytes|http\.wrote_bytes)$/;

interface Shown {
  name: string;
  kind: string;
  below: string;
  error?: string;
  attributes: Record<string, unknown>;
}
async function collect(server: Server): Promise<Shown[][]> {
  for (const kind of ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
    await send(server, webhook(kind, kind.startsWith("Mut") ? "mutating" : "validating"));
  await pause(3000);
  spans = [];
  for (const [i, request] of requests.entries())
    await send(server, { ...request, headers: { ...request.headers, traceparent: `00-${trace(i)}-${parent}-01` } });
  // A batch leaves after five seconds.
  for (let tries = 0; tries < 40 && !requests.every((_, i) => spans.some(({ traceId, kind }) => traceId === trace(i) && kind === "server")); tries++)
    await pause(500);
  await pause(1000);
  return requests.map((_, i) => {
    const own = spans.filter(({ traceId, name }) => traceId === trace(i) && !upstreamOnly.test(name));
    const name = (id: string): string => (id === parent ? "caller" : (own.find(({ spanId }) => spanId === id)?.name ?? "?"));
    return own
      .map(({ name: called, kind, parentSpanId, error, attributes }) => ({
        name: called,
        kind,
        below: name(parentSpanId),
        ...(error === undefined ? {} : { error }),
        attributes: Object.fromEntries(
          Object.entries(attributes)
            .filter(([key]) => !leftOut.test(key))
            .sort(),
        ),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  });
}
const peer = await collect(pair.peer);
const peerHeard = heard.splice(0);
const ours = await collect(pair.ours);
for (const [i, { method, path }] of requests.entries())
  await checks.check(`${method} ${path}`, () => {
    if (values.verbose) process.stdout.write(`${JSON.stringify([peer[i], ours[i]], null, 1)}\n`);
    const found = differences(peer[i], ours[i]);
    expect(!found.length, `\n     ${found.join("\n     ")}`);
    return `${ours[i]?.map(({ name }) => name).join(", ")}`;
  });
await checks.check("webhooks are told of the trace", () => {
  const told = (lines: readonly string[]): string[] => lines.filter((line) => line.includes(trace(6))).map((line) => line.replace(/-[0-9a-f]{16}-/, "-SPAN-"));
  const [theirs, own] = [told(peerHeard), told(heard)];
  expect(theirs.length === 2, `upstream told ${theirs.length} webhooks: ${peerHeard.join()}`);
  expect(JSON.stringify(theirs) === JSON.stringify(own), `${theirs.join()} and ${own.join()}`);
});
hook.close();
hook.closeAllConnections();
checks.finish();
