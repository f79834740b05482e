/**
 * Aggregated API servers behind kube-apiserver and behind ours: conditions of APIServices, discovery in both forms, OpenAPI,
 * and requests through them to upstream's sample-apiserver and to a server that hangs, lies, redirects and floods must agree.
 *
 * Usage: node conformance/aggregation.ts [--bin DIR] [--port P]
 *   --port  the first of ten free ports
 * Exits 1 where something differs.
 */
import { connect } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { groups, startBackend } from "./aggregation/backend.ts";
import { backendService, type Ports, sampleService, startServers } from "./aggregation/servers.ts";
import { type Answer, differences, type Request, type Server, send, settled } from "./differential/exchange.ts";

const { values } = parseArgs({ options: { bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" }, port: { type: "string", default: "22450" } } });
const first = Number(values.port);
const ports: Ports = { peer: first, ours: first + 1, etcd: first + 2, etcdPeer: first + 3, samples: { peer: first + 4, ours: first + 5 }, backend: first + 6 };
const write = (line: string): void => void process.stdout.write(`${line}\n`);

await using pair = await startServers(values.bin, ports);
const sides = { peer: pair.peer, ours: pair.ours };
const backend = await startBackend({
  cert: pair.pki.certificate(backendService),
  key: pair.pki.key(backendService),
  ca: pair.pki.certificate("front-proxy-ca"),
  port: ports.backend,
});
let asked = 0;
let different = 0;

const caBundle = Buffer.from(pair.pki.certificate("ca")).toString("base64");
/** Ports differ between the sides, and so do how Go and Node put the failures of sockets. */
const same = (value: unknown): unknown =>
  settled(
    JSON.parse(
      JSON.stringify(value ?? null).replace(new RegExp(`:(${[ports.samples.peer, ports.samples.ours, ports.peer, ports.ours].join("|")})\\b`, "g"), ":PORT"),
    ),
  );

function compare(name: string, [peer, ours]: readonly unknown[]): void {
  asked++;
  const found = differences(same(peer), same(ours));
  if (!found.length) return;
  different++;
  write(`DIFF ${name}\n${found.map((line) => `     ${line}`).join("\n")}`);
}

const answersOf = (step: Request): Promise<Answer[]> => Promise.all([sides.peer, sides.ours].map((server) => send(server, step)));
async function step(name: string, request: Request, of: (answer: Answer) => unknown = (answer) => answer): Promise<Answer[]> {
  const answers = await answersOf(request);
  compare(name, answers.map(of));
  return answers;
}

const service = (name: string, port: number, spec: object = { type: "ExternalName", externalName: "localhost" }): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ port }], ...spec },
});
const apiServices = "/apis/apiregistration.k8s.io/v1/apiservices";
const apiService = (group: string, version: string, target: { name: string; port: number }, more: object = {}): object => ({
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: `${version}.${group}` },
  spec: { group, version, groupPriorityMinimum: 2000, versionPriority: 200, caBundle, service: { namespace: "default", ...target }, ...more },
});

/** Both have a verdict, or half a minute has passed. */
async function conditions(name: string): Promise<unknown[]> {
  const of = async (server: Server): Promise<unknown> => {
    for (let i = 0; i < 60; i++) {
      const { body } = await send(server, { method: "GET", path: `${apiServices}/${name}` });
      const condition = (body as { status?: { conditions?: object[] } }).status?.conditions?.[0];
      if (condition) return condition;
      await pause(500);
    }
    return "none";
  };
  return Promise.all([of(sides.peer), of(sides.ours)]);
}

async function unreachableServices(): Promise<void> {
  const services = "/api/v1/namespaces/default/services";
  await step("Service without endpoints", { method: "POST", path: services, body: service("empty", 443, { selector: { a: "b" } }) }, ({ code }) => code);
  await step("Service with unready endpoints", { method: "POST", path: services, body: service("unready", 443, {}) }, ({ code }) => code);
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "unready-1", labels: { "kubernetes.io/service-name": "unready" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready: false } }],
    ports: [{ port: 443, name: "" }],
  };
  await step("its slice", { method: "POST", path: "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", body: slice }, ({ code }) => code);
  for (const [name, port] of [
    ["absent", 443],
    ["empty", 444],
    ["empty", 443],
    ["unready", 443],
  ] as const) {
    const group = `${name}${port}.example.com`;
    await step(`APIService of ${name}:${port}`, { method: "POST", path: apiServices, body: apiService(group, "v1", { name, port }) });
    compare(`its condition`, await conditions(`v1.${group}`));
    await step(`a request to it`, { method: "GET", path: `/apis/${group}/v1/things` });
    await step(
      `its table`,
      { method: "GET", path: `${apiServices}/v1.${group}`, headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } },
      ({ body }) => (body as { rows?: { cells: unknown[] }[] }).rows?.map(({ cells }) => cells.slice(0, 3)),
    );
  }
}

async function hostileServers(): Promise<void> {
  await step(
    "Service of the backend",
    { method: "POST", path: "/api/v1/namespaces/default/services", body: service(backendService, ports.backend) },
    ({ code }) => code,
  );
  for (const group of groups) {
    await step(`APIService of ${group}`, { method: "POST", path: apiServices, body: apiService(group, "v1", { name: backendService, port: ports.backend }) });
    const verdict = (await conditions(`v1.${group}`)) as { status?: string; reason?: string; message?: string }[];
    compare("its condition", verdict);
  }
  const things = (group: string): string => `/apis/${group}.example.com/v1/namespaces/default/things`;
  const impersonate = { "impersonate-user": "jane doe", "impersonate-group": "a", "impersonate-extra-Some%2fKey": "x,y" };
  const claims = { "x-remote-user": "root", "x-remote-group": "system:masters", "x-remote-extra-a": "b", cookie: "a=b" };
  await pause(1000);
  for (const [name, request] of Object.entries<Request>({
    "what a backend gets": { method: "GET", path: `${things("echo")}?limit=5&b=1&a=2`, headers: claims },
    "a body": { method: "POST", path: things("echo"), body: { kind: "Thing" } },
    "a body of DELETE": { method: "DELETE", path: `${things("echo")}/a`, body: { kind: "DeleteOptions", apiVersion: "v1" } },
    "a patch": { method: "PATCH", path: `${things("echo")}/a`, body: { a: 1 }, headers: { "content-type": "application/merge-patch+json" } },
    "below the version, no resource": { method: "GET", path: "/apis/echo.example.com/v1/" },
    impersonated: { method: "GET", path: things("echo"), headers: impersonate },
    anonymous: { method: "GET", path: things("echo"), client: "bare" },
    "escaped paths": { method: "GET", path: `${things("echo")}/a%2Fb%20c` },
    "a redirect": { method: "GET", path: things("redirect") },
    "an error": { method: "GET", path: things("error") },
    "a lie": { method: "GET", path: things("lie") },
    "the group": { method: "GET", path: "/apis/echo.example.com" },
    "the version": { method: "GET", path: "/apis/echo.example.com/v1" },
    "another version": { method: "GET", path: "/apis/echo.example.com/v2" },
  }))
    await step(name, request);
  await step("a connection that is cut", { method: "GET", path: things("cut") }, ({ code }) => code);
  await step("64 MiB", { method: "GET", path: things("huge") }, ({ code, body }) => [code, (body as string).length]);
  compare("protocols are switched", await Promise.all([sides.peer, sides.ours].map((server) => switched(server, things("echo")))));
}

/** What comes back over a connection that has left HTTP. */
function switched({ url, agent }: Server, path: string): Promise<string> {
  const { ca, cert, key } = agent.options as { ca: Buffer; cert: Buffer; key: Buffer };
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: url.hostname, port: Number(url.port), ca, cert, key, servername: "localhost", ALPNProtocols: ["http/1.1"] }, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer")));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.on("data", (chunk) => {
      text += chunk.toString();
      if (text.endsWith("\r\n\r\n")) socket.write("hello");
      if (text.endsWith("hello")) socket.end();
    });
  });
}

const aggregated = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" };

async function sampleServers(): Promise<void> {
  for (const side of ["peer", "ours"] as const) {
    const server = sides[side];
    const created = await send(server, { method: "POST", path: "/api/v1/namespaces/default/services", body: service(sampleService, ports.samples[side]) });
    if (created.code !== 201) throw new Error(`the Service was not made: ${JSON.stringify(created.body)}`);
  }
  pair.startSamples();
  await pause(6000);
  for (const [version, priority] of [
    ["v1alpha1", 200],
    ["v1beta1", 100],
  ] as const)
    for (const side of ["peer", "ours"] as const)
      await send(sides[side], {
        method: "POST",
        path: apiServices,
        body: apiService("wardle.example.com", version, { name: sampleService, port: ports.samples[side] }, { versionPriority: priority }),
      });
  for (const version of ["v1alpha1", "v1beta1"]) {
    for (let i = 0; i < 40; i++) {
      const passed = (await answersOf({ method: "GET", path: `${apiServices}/${version}.wardle.example.com` })).every((a) =>
        JSON.stringify(a.body).includes('"Passed"'),
      );
      if (passed) break;
      await pause(500);
    }
    compare(`condition of ${version}`, await conditions(`${version}.wardle.example.com`));
  }
  await pause(2000);
  const flunders = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
  const flunder = (name: string): object => ({ apiVersion: "wardle.example.com/v1alpha1", kind: "Flunder", metadata: { name }, spec: { reference: "x" } });
  for (const [name, request] of Object.entries<Request>({
    create: { method: "POST", path: flunders, body: flunder("a") },
    again: { method: "POST", path: flunders, body: flunder("a") },
    get: { method: "GET", path: `${flunders}/a` },
    table: { method: "GET", path: flunders, headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } },
    watch: { method: "GET", path: `${flunders}?watch=1&resourceVersion=0`, quiet: 1500 },
    "delete, tried": { method: "DELETE", path: `${flunders}/a`, body: { kind: "DeleteOptions", apiVersion: "v1", dryRun: ["All"] } },
    "there still": { method: "GET", path: `${flunders}/a` },
    delete: { method: "DELETE", path: `${flunders}/a`, body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" } },
    absent: { method: "GET", path: `${flunders}/a` },
    group: { method: "GET", path: "/apis/wardle.example.com" },
    version: { method: "GET", path: "/apis/wardle.example.com/v1beta1" },
    "groups in protobuf": { method: "GET", path: "/apis", headers: { accept: "application/vnd.kubernetes.protobuf" } },
  }))
    await step(`flunders: ${name}`, request);
}

async function documents(): Promise<void> {
  await step("groups", { method: "GET", path: "/apis" });
  await step("groups, aggregated", { method: "GET", path: "/apis", headers: aggregated });
  const keys = ({ body }: Answer): unknown =>
    Object.keys((body as { paths: object }).paths)
      .filter((path) => path.includes("example.com"))
      .sort();
  for (let i = 0; i < 30; i++) {
    const known = (await answersOf({ method: "GET", path: "/openapi/v3" })).every((answer) =>
      (keys(answer) as string[]).some((path) => path.includes("wardle")),
    );
    if (known) break;
    await pause(500);
  }
  await step("OpenAPI v3: index", { method: "GET", path: "/openapi/v3" }, keys);
  await step("OpenAPI v3: document", { method: "GET", path: "/openapi/v3/apis/wardle.example.com/v1alpha1" });
  await step("OpenAPI v2: paths", { method: "GET", path: "/openapi/v2" }, keys);
  const definitions = ({ body }: Answer): unknown => {
    const all = (body as { definitions: Record<string, unknown> }).definitions;
    return Object.fromEntries(Object.entries(all).filter(([name]) => name.includes("wardle")));
  };
  await step("OpenAPI v2: definitions", { method: "GET", path: "/openapi/v2" }, definitions);
}

await unreachableServices();
await hostileServers();
await sampleServers();
await documents();
for (const side of ["peer", "ours"] as const)
  for (const name of ["v1.echo.example.com", "v1alpha1.wardle.example.com"]) await send(sides[side], { method: "DELETE", path: `${apiServices}/${name}` });
await pause(500);
await step("what was taken away", { method: "GET", path: "/apis/echo.example.com/v1/namespaces/default/things" });
await step("its group", { method: "GET", path: "/apis/echo.example.com" });
await step("the group that is left", { method: "GET", path: "/apis/wardle.example.com" });
backend.closeAllConnections();
backend.close();
write(`${asked} comparisons, ${different} different`);
process.exitCode = different ? 1 : 0;
