/**
 * Whole requests to a running `k8ts apiserver` process, as its administrator: METHOD PATH, headers, an empty line, the body.
 * Its processor time, its memory and its answers are looked at: it goes on, and what is wrong is never its own fault.
 */
import { encodeCBOR } from "../../src/api/codec/cbor-write.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { resources } from "../../src/api/schema/schema.ts";
import { Server } from "./api-server.ts";
import { giants } from "./giants.ts";
import { jsonMutator } from "./mutate-json.ts";
import { templates } from "./objects.ts";
import { bytesOf, Finding, kindOf, type MakeTarget, type Mutator, textOf } from "./target.ts";

const namespace = "default";
const most = 64 << 10;
const slowTicks = 100;

const pathOf = (object: JSONObject): string | undefined => {
  const [group, version] = String(object.apiVersion).includes("/")
    ? (String(object.apiVersion).split("/") as [string, string])
    : ["", String(object.apiVersion)];
  const def = resources.find((one) => one.group === group && one.version === version && one.kind === object.kind);
  return def && `/${group ? `apis/${group}` : "api"}/${version}${def.namespaced ? `/namespaces/${namespace}` : ""}/${def.resource}`;
};
const message = (line: string, headers: Record<string, string> = {}, body: string | Uint8Array = ""): Uint8Array =>
  Buffer.concat([
    bytesOf(
      `${line}\n${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\n`)
        .join("")}\n`,
    ),
    Buffer.from(body),
  ]);
const json = { "content-type": "application/json" };
const merge = { "content-type": "application/merge-patch+json" };
const strategic = { "content-type": "application/strategic-merge-patch+json" };
const apply = { "content-type": "application/apply-patch+yaml" };

function seedsOf(object: JSONObject): Uint8Array[] {
  const path = pathOf(object);
  if (!path) return [];
  const text = JSON.stringify(object).replaceAll("NAME", "fuzz");
  return [
    message(`POST ${path}?fieldValidation=Strict`, json, text),
    message(`GET ${path}?limit=2&labelSelector=a%3Db&fieldSelector=metadata.name%3Dfuzz`),
    message(`GET ${path}/fuzz`, { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" }),
    message(`PUT ${path}/fuzz`, json, text),
    message(`PATCH ${path}/fuzz?dryRun=All`, merge, text),
    message(`PATCH ${path}/fuzz`, strategic, text),
    message(`PATCH ${path}/fuzz?fieldManager=f&force=true`, apply, text),
    message(`PATCH ${path}/fuzz`, { "content-type": "application/json-patch+json" }, '[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]'),
    message(`PATCH ${path}/fuzz/status`, merge, text),
    message(`POST ${path}`, { "content-type": "application/cbor", accept: "application/cbor" }, encodeCBOR(JSON.parse(text))),
    message(`DELETE ${path}/fuzz`, json, '{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background","gracePeriodSeconds":0}'),
  ];
}
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "things.fuzz.example" },
  spec: {
    group: "fuzz.example",
    scope: "Namespaced",
    names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
        additionalPrinterColumns: [{ name: "N", type: "integer", jsonPath: ".spec.n" }],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                "x-kubernetes-validations": [{ rule: "self.n >= 0 && self.list.all(x, x.size() < 100)", message: "no" }],
                properties: {
                  n: { type: "integer", default: 1 },
                  list: { type: "array", maxItems: 10, items: { type: "string", pattern: "^a+$" } },
                  any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                },
              },
            },
          },
        },
      },
    ],
  },
};
const things = `/apis/fuzz.example/v1/namespaces/${namespace}/things`;
const thing = { apiVersion: "fuzz.example/v1", kind: "Thing", metadata: { name: "t" }, spec: { n: 1, list: ["a"], any: { deep: [{ a: 1 }] } } };

const seeds = [
  message("POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions", json, JSON.stringify(definition)),
  message(`POST ${things}`, json, JSON.stringify(thing)),
  message(`PATCH ${things}/t?fieldManager=f`, apply, JSON.stringify(thing)),
  message(`PATCH ${things}/t`, merge, JSON.stringify(thing)),
  message(`GET ${things}`, { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" }),
  message("GET /api/v1/pods?watch=true&timeoutSeconds=1&resourceVersion=0&allowWatchBookmarks=true"),
  message("GET /openapi/v2", { accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" }),
  message("GET /openapi/v3/apis/apps/v1"),
  message("GET /apis", { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" }),
  message("GET /metrics"),
  message("GET /api/v1/namespaces/default/pods/fuzz/log?tailLines=1"),
  message("GET /api/v1/namespaces/default/services/fuzz/proxy/a?b=c"),
  message("POST /api/v1/namespaces/default/pods/fuzz/eviction", json, '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"fuzz"}}'),
  message(
    "POST /api/v1/namespaces/default/serviceaccounts/default/token",
    json,
    '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600}}',
  ),
  message(
    "POST /apis/authorization.k8s.io/v1/subjectaccessreviews",
    json,
    '{"spec":{"user":"a","resourceAttributes":{"verb":"get","resource":"pods","labelSelector":{"rawSelector":"a=b"}}}}',
  ),
  message("GET /api/v1/pods", { "impersonate-user": "a", "impersonate-group": "b", "impersonate-extra-a%2fb": "c" }),
  message("DELETE /api/v1/namespaces/default/configmaps?labelSelector=a"),
  ...templates.flatMap(seedsOf),
];
/** Asked after all else: they take most of a second each. */
const large = giants(things, `/api/v1/namespaces/${namespace}/configmaps`).map(({ line, headers, body }) => message(line, headers, body));

interface Parts {
  line: string;
  headers: string[];
  body: Uint8Array;
}
function partsOf(input: Uint8Array): Parts | undefined {
  const end = Buffer.from(input).indexOf("\n\n");
  if (end < 0) return undefined;
  const [line = "", ...headers] = textOf(input.subarray(0, end)).split("\n");
  return { line, headers, body: input.subarray(end + 2) };
}
const whole = ({ line, headers, body }: Parts): Uint8Array => Buffer.concat([bytesOf(`${[line, ...headers].join("\n")}\n\n`), body]);

const bodyMutator: Mutator = (input, random) => {
  const parts = partsOf(input);
  const body = parts?.body.length ? jsonMutator(parts.body, random) : undefined;
  return parts && body && whole({ ...parts, body });
};
const paths = [
  "..",
  "%2e%2e",
  "%00",
  "%2F",
  "//",
  "status",
  "scale",
  "exec",
  "log",
  "proxy",
  "portforward",
  "ephemeralcontainers",
  "binding",
  "token",
  "watch",
  "namespaces",
  "v1",
  "x".repeat(300),
  "é",
  "__proto__",
];
const queries = [
  "watch=1&timeoutSeconds=1",
  "dryRun=All",
  "fieldManager=a",
  "fieldValidation=Warn",
  "limit=1",
  "limit=-1",
  "continue=e30",
  "resourceVersion=0",
  "resourceVersion=99999999999",
  "resourceVersionMatch=Exact",
  "labelSelector=a in (",
  "fieldSelector=a=b",
  "timeout=1s",
  "timeout=x",
  "pretty=1",
  "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&watch=1&timeoutSeconds=1",
  "gracePeriodSeconds=0",
  "propagationPolicy=Foreground",
  "command=a&stdin=1",
  "%zz",
];
const lineMutator: Mutator = (input, random) => {
  const parts = partsOf(input);
  if (!parts) return undefined;
  const [method = "", target = ""] = parts.line.split(" ");
  const pick = (of: readonly string[]): string => of[random.int(of.length)] as string;
  const segments = target.split("/");
  const choice = random.int(5);
  if (choice === 0) parts.line = `${pick(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO"])} ${target}`;
  else if (choice === 1) parts.line = `${method} ${target}${target.includes("?") ? "&" : "?"}${pick(queries)}`;
  else if (choice === 2) {
    segments[1 + random.int(segments.length)] = pick(paths);
    parts.line = `${method} ${segments.join("/")}`;
  } else if (choice === 3) parts.line = `${method} ${target}/${pick(paths)}`;
  else {
    segments.splice(random.int(segments.length), 1);
    parts.line = `${method} /${segments.join("/")}`;
  }
  return whole(parts);
};
const types = [
  "application/json",
  "application/yaml",
  "application/cbor",
  "application/vnd.kubernetes.protobuf",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "application/apply-patch+cbor",
  "text/plain",
  "*/*",
  "",
];
const headerMutator: Mutator = (input, random) => {
  const parts = partsOf(input);
  if (!parts) return undefined;
  const pick = (of: readonly string[]): string => of[random.int(of.length)] as string;
  parts.headers.push(
    `${pick(["accept", "content-type", "impersonate-user", "impersonate-group", "impersonate-uid", "if-none-match", "accept-encoding", "authorization", "user-agent", "expect", "x-remote-user", "traceparent"])}: ${pick(random.next() < 0.6 ? types : ["system:serviceaccount:default:default", "a,b", "gzip", "100-continue", "application/json;as=Table;v=v1;g=meta.k8s.io", "Bearer a.b.c", "x".repeat(5000), "\u0001"])}`,
  );
  return whole(parts);
};

export const makeTarget: MakeTarget = async () => {
  let server = new Server();
  await server.start();
  process.on("exit", () => server.stop());
  const once = async ({ line, headers, body }: Parts): Promise<string> => {
    const [method = "GET", target = "/"] = line.split(" ");
    const path = `/${target.replace(/^\//, "")}`.replace(/[^\x21-\x7e]/g, (char) => encodeURIComponent(char.toWellFormed()));
    const list = headers.flatMap((header) => {
      const [name = "", ...value] = header.split(":");
      return /^[\w-]+$/.test(name) && !/^(content-length|transfer-encoding|connection|host|upgrade|expect)$/i.test(name)
        ? [
            [
              name.toLowerCase(),
              value
                .join(":")
                .trim()
                .replace(/[^\x20-\x7e]/g, ""),
            ] as const,
          ]
        : [];
    });
    const { status, body: answer } = await server.ask(
      /^[A-Z]{1,20}$/.test(method) && method !== "CONNECT" ? method : "GET",
      path,
      Object.fromEntries(list),
      body,
    );
    if (status < 500) return `${method} ${status}`;
    const text = answer.toString("utf8");
    const said = /"message": ?"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]?.replace(/\\(.)/g, "$1") ?? text;
    // Upstream has mistakes of clients that it answers with a plain 500; ours say the same words. What the server did not expect says otherwise.
    const expected =
      status === 503 ||
      status === 504 ||
      (text.includes("Status") && !text.includes("Internal error occurred: ")) ||
      text.includes(": failed to create RequestInfo: ");
    if (expected) return `${method} ${status} ${kindOf(said)}`;
    throw new Finding(`${status}: ${said.slice(0, 500)}`);
  };
  /** Hundredths of a second, KB. */
  const measured = async (parts: Parts): Promise<{ outcome: string; ticks: number; memory: number }> => {
    server.forgetPeak();
    const [ticks, memory] = [server.ticks(), server.memory("VmRSS")];
    const outcome = await once(parts);
    return { outcome, ticks: server.ticks() - ticks, memory: server.memory("VmHWM") - memory };
  };
  return {
    seeds: [...seeds, ...large],
    words: ["null", "[]", "{}", "fuzz", "default", "kube-system", ...paths, ...queries],
    mutators: [bodyMutator, bodyMutator, bodyMutator, lineMutator, headerMutator],
    longest: 4 << 20,
    async run(input) {
      const parts = partsOf(input);
      if (!parts) return "no request";
      try {
        let worst = await measured(parts);
        for (let n = 0; n < 2 && (worst.ticks > slowTicks || worst.memory > most); n++) {
          const again = await measured(parts);
          worst = { ...worst, ticks: Math.min(worst.ticks, again.ticks), memory: Math.min(worst.memory, again.memory) };
        }
        if (worst.ticks > slowTicks) throw new Finding(`${worst.ticks / 100} s of the server's processor time`);
        if (worst.memory > most) throw new Finding(`${worst.memory >> 10} MB more in the server`);
        return worst.outcome;
      } catch (error) {
        if (server.running) {
          if (error instanceof Finding) throw error;
          return `no answer: ${kindOf((error as Error).message)}`;
        }
        const words = server.words;
        server.stop();
        server = new Server();
        await server.start();
        throw new Finding(`the server ended: ${words}`);
      }
    },
    async close() {
      server.stop();
    },
  };
};
