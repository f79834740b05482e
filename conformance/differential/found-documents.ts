/** Paths that are no resource's, by every method, by what the client takes and by who asks. */
import { ask, type Case, type Step } from "./cases.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const whole = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const accepted = ["*/*", "application/*", "text/html", "application/yaml", whole, `application/json,${whole}`, "application/json;stream=watch", "x", "*", ","];
const protobuf = (version: string, at: string): string => `application/com.github.proto-openapi.spec.${version}${at}v1.0+protobuf`;
/** What the documents say is not what is asked here, nor are the build, and what each server has besides. */
const hide = ["definitions", "parameters", "security", "securityDefinitions", "components", "info", "paths", "jwks_uri"];
const build = ["compiler", "goVersion", "gitCommit", "gitTreeState", "gitVersion", "buildDate", "platform"];

const asked = (method: Step["method"], path: string, accept?: string, client?: string): Step => ({
  ...ask(method, path, undefined, accept === undefined ? undefined : { accept }),
  hide: path.startsWith("/version") ? build : hide,
  ...(client ? { client } : {}),
});
/** In each way that tells handlers apart; what is large is not sent as often. */
const everyWay = (path: string, large = false): Step[] => [
  ...methods.flatMap((method) => [asked(method, path), asked(method, path, "text/html")]),
  ...accepted
    .filter((accept) => !large || !/^(application\/json,.*|[*]\/[*]|application\/[*]|[*]|.*stream.*|.*as=.*)$/.test(accept))
    .map((accept) => asked("GET", path, accept)),
  ...(large ? [] : ["bare", "proxy"].map((client) => asked("GET", path, undefined, client))),
];

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const served = {
  metadata: { name: "pages.documents.example.com" },
  spec: {
    group: "documents.example.com",
    scope: "Cluster",
    names: { plural: "pages", kind: "Page" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
};

export const foundDocuments: Case[] = [
  {
    name: "documents by method, Accept and client",
    steps: [
      ask("POST", definitions, served),
      { ...ask("GET", "/apis/documents.example.com/v1"), until: '"pages"' },
      { ...ask("GET", "/apis/documents.example.com"), until: "preferredVersion" },
      ...["/", "/index.html"].flatMap((path) => everyWay(path)),
      ...["", "/", "//"].flatMap((end) =>
        [`/apis/apps${end}`, `/apis/documents.example.com${end}`, `/apis/documents.example.com/v1${end}`].flatMap((path) => everyWay(path)),
      ),
      ...[
        "/api",
        "/apis/",
        "/api/v1",
        "/apis/apps/v1",
        "/apis/apps/v9",
        "/apis/documents.example.com/v2",
        "/apis/apiregistration.k8s.io",
        "/apis/nope",
        "/apis/nope/v1",
      ].flatMap((path) => everyWay(path, path === "/api/v1")),
      ...["/openapi/v3", "/openapi/v3/", "/openapi/v3/apis/nope", "/openapi/v3/apps/v1/", "/openapi/v2/", "/openapi"].flatMap((path) => everyWay(path)),
      ...["/openapi/v2", "/openapi/v3/api/v1", "/openapi/v3/apis/documents.example.com/v1"].flatMap((path) =>
        everyWay(path, true).filter(({ method, headers }) => headers || method === "HEAD"),
      ),
      // What is in them is not what is asked: without their bodies.
      ...["/openapi/v2", "/openapi/v3/version", "/openapi/v3/version?hash=x", "/openapi/v3/apis/documents.example.com/v1"].flatMap((path) =>
        ["v2", "v3"].flatMap((version) => [".", "@"].map((at) => asked("HEAD", path, protobuf(version, at)))),
      ),
      ...[
        "/version",
        "/version/",
        "/version/x",
        "/healthz",
        "/healthz/",
        "/healthz/ping",
        "/healthz%2Fping",
        "/livez/log",
        "/readyz/nope",
        "/logs",
        "/nope",
      ].flatMap((path) => everyWay(path)),
      ...["/.well-known/openid-configuration", "/openid/v1/jwks", "/openid/v1", "/.well-known/openid-configuration/x"].flatMap((path) => everyWay(path)),
      ...["/metrics", "/metrics/slis", "/statusz", "/debug/api_priority_and_fairness/dump_requests"].flatMap((path) => [
        ...methods.filter((method) => method !== "DELETE").map((method) => asked(method, path, undefined, "bare")),
        asked("HEAD", path),
      ]),
      ask("DELETE", `${definitions}/${served.metadata.name}`),
    ],
  },
];
