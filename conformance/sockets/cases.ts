/** Requests for WebSockets where a watch is, right and wrong, and what a client may do on them. */
import { clientFrame, type SocketClient } from "./client.ts";

export interface SocketCase {
  name: string;
  path?: string;
  method?: string;
  /** In the place of those that open a WebSocket; without a value: left out. */
  headers?: Record<string, string | string[] | undefined>;
  client?: "bare" | "node";
  /** `{token}` in headers is one of a service account that may watch. */
  acts?: (client: SocketClient) => void;
  /** Objects come and go while it is open. */
  changes?: boolean;
  /** Milliseconds without a byte after which it is over. @default 400 */
  quiet?: number;
}

const watched = "/api/v1/namespaces/sockets/configmaps?watch=true";
const accept = (type: string): Record<string, string> => ({ accept: type });
const table = "application/json;as=Table;g=meta.k8s.io;v=v1";
const partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const protobuf = "application/vnd.kubernetes.protobuf";
const widgets = "/apis/sockets.example.com/v1/namespaces/sockets/widgets";
const initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

const origins = ["", "null", "*", "/x", "x", "http://a", "https://a:1/b?c#d", "http://[::1", "http://a b", "://", "http:", "mailto:x", "%zz", "http://é"];
const protocols: (string | string[])[] = ["a", "a,b", "a,", ",", " a ", "v4.channel.k8s.io", ["a", "b"], ""];
const handshakes: SocketCase[] = [
  { name: "no origin", headers: { origin: undefined } },
  ...origins.map((origin): SocketCase => ({ name: `origin ${JSON.stringify(origin)}`, headers: { origin } })),
  { name: "two origins", headers: { origin: ["http://a", "x"] } },
  { name: "no key", headers: { "sec-websocket-key": undefined } },
  { name: "an empty key", headers: { "sec-websocket-key": "" } },
  { name: "a short key", headers: { "sec-websocket-key": "x" } },
  { name: "no key, no origin", headers: { "sec-websocket-key": undefined, origin: undefined } },
  ...[undefined, "", "8", "13, 8", "013", " 13 "].map(
    (version): SocketCase => ({ name: `version ${JSON.stringify(version)}`, headers: { "sec-websocket-version": version } }),
  ),
  ...protocols.map((offered): SocketCase => ({ name: `subprotocols ${JSON.stringify(offered)}`, headers: { "sec-websocket-protocol": offered } })),
  ...["WebSocket", "websocket, x", "h2c", "websocket/13"].map((upgrade): SocketCase => ({ name: `upgrade ${upgrade}`, headers: { upgrade } })),
  ...["upgrade", "keep-alive, Upgrade", "keep-alive", "close"].map((connection): SocketCase => ({ name: `connection ${connection}`, headers: { connection } })),
  { name: "extensions", headers: { "sec-websocket-extensions": "permessage-deflate" } },
];

const bearer = "base64url.bearer.authorization.k8s.io.";
const who: SocketCase[] = [
  { name: "nobody", client: "bare" },
  { name: "who may not", client: "node", path: "/api/v1/namespaces/sockets/secrets?watch=true" },
  { name: "a token", client: "bare", headers: { authorization: "Bearer {token}" } },
  { name: "a wrong token", client: "bare", headers: { authorization: "Bearer x" } },
  { name: "a token among the subprotocols", client: "bare", headers: { "sec-websocket-protocol": `${bearer}{encoded}, a` } },
  { name: "a token and two subprotocols", client: "bare", headers: { "sec-websocket-protocol": `a, ${bearer}{encoded}, b` } },
  { name: "a token in a line of its own", client: "bare", headers: { "sec-websocket-protocol": [`${bearer}{encoded}`, "a"] } },
  { name: "a token and no subprotocol", client: "bare", headers: { "sec-websocket-protocol": `${bearer}{encoded}` } },
  { name: "two tokens", client: "bare", headers: { "sec-websocket-protocol": `${bearer}{encoded}, ${bearer}{encoded}, a` } },
  { name: "a wrong token among the subprotocols", client: "bare", headers: { "sec-websocket-protocol": `${bearer}eA, a` } },
  { name: "a token beside a certificate", headers: { "sec-websocket-protocol": `${bearer}{encoded}, a` } },
];

const paths: SocketCase[] = [
  ...["watch=1", "watch", "watch=0", "watch=false", "watch=x", "watch=true&watch=false", ""].map(
    (query): SocketCase => ({ name: `?${query}`, path: `/api/v1/namespaces/sockets/configmaps?${query}` }),
  ),
  { name: "the old way to a collection", path: "/api/v1/watch/namespaces/sockets/configmaps" },
  { name: "the old way to an object", path: "/api/v1/watch/namespaces/sockets/configmaps/one" },
  { name: "the old way, told not to watch", path: "/api/v1/watch/namespaces/sockets/configmaps?watch=false" },
  { name: "the old way to widgets", path: "/apis/sockets.example.com/v1/watch/namespaces/sockets/widgets" },
  { name: "the old way to widgets by POST", path: "/apis/sockets.example.com/v1/watch/namespaces/sockets/widgets", method: "POST" },
  { name: "the old way to the status of widgets", path: "/apis/sockets.example.com/v1/watch/namespaces/sockets/widgets/one/status" },
  { name: "the old way to what cannot be watched", path: "/api/v1/watch/componentstatuses" },
  { name: "what cannot be watched, asked wrongly", path: "/api/v1/componentstatuses?watch=true&labelSelector=a+in" },
  { name: "what cannot be watched, of one", path: "/api/v1/componentstatuses/one?watch=true" },
  { name: "the old way by POST", path: "/api/v1/watch/namespaces/sockets/configmaps", method: "POST" },
  { name: "all namespaces", path: "/api/v1/configmaps?watch=true&labelSelector=sockets" },
  { name: "of the cluster", path: "/api/v1/namespaces?watch=true&fieldSelector=metadata.name%3Dsockets" },
  { name: "an object", path: "/api/v1/namespaces/sockets/configmaps/one?watch=true" },
  { name: "a subresource", path: "/api/v1/namespaces/sockets/pods/one/status?watch=true" },
  { name: "a subresource by the old way", path: "/api/v1/watch/namespaces/sockets/pods/one/status" },
  { name: "the log of nobody", path: "/api/v1/namespaces/sockets/pods/one/log?watch=true" },
  { name: "what cannot be watched", path: "/api/v1/componentstatuses?watch=true" },
  { name: "what is only asked", path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?watch=true" },
  { name: "no such resource", path: "/api/v1/nones?watch=true" },
  { name: "no such group", path: "/apis/none.example.com/v1/nones?watch=true" },
  { name: "discovery", path: "/api/v1?watch=true" },
  { name: "health", path: "/livez/ping?watch=true" },
  { name: "POST", path: watched, method: "POST" },
  { name: "PUT", path: watched, method: "PUT" },
  { name: "DELETE", path: `${watched}&dryRun=All`, method: "DELETE" },
  { name: "HEAD", path: watched, method: "HEAD" },
  { name: "a deprecated version", path: "/api/v1/namespaces/sockets/endpoints?watch=true" },
  {
    name: "discovery of definitions",
    path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?watch=true&fieldSelector=metadata.name%3Dwidgets.sockets.example.com",
  },
];

const queries = [
  "labelSelector=a+in",
  "labelSelector=sockets",
  "fieldSelector=metadata.name%3Done",
  "fieldSelector=spec.x%3Done",
  "fieldSelector=metadata.name%3Dnone",
  "resourceVersion=x",
  "resourceVersion=-1",
  "resourceVersion=999999999",
  "resourceVersion=0",
  "resourceVersion={rv}",
  "resourceVersionMatch=Exact",
  "limit=x",
  "limit=1",
  "timeoutSeconds=x",
  "timeoutSeconds=1",
  "timeoutSeconds=1&allowWatchBookmarks=true",
  "sendInitialEvents=true",
  "sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
  initial,
  `${initial}&timeoutSeconds=1`,
  "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
  "pretty=true",
];
const asked: SocketCase[] = queries.flatMap((query): SocketCase[] => [
  { name: `maps: ${query}`, path: `${watched}&${query}` },
  { name: `widgets: ${query}`, path: `${widgets}?watch=true&${query}` },
]);

const forms: SocketCase[] = [
  ...[protobuf, table, partial, `${protobuf};as=Table;g=meta.k8s.io;v=v1`, `${protobuf};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`].flatMap(
    (type): SocketCase[] => [
      { name: `maps as ${type}`, path: `${watched}&${initial}`, headers: accept(type), changes: true },
      { name: `widgets as ${type}`, path: `${widgets}?watch=true&${initial}`, headers: accept(type), changes: true },
      { name: `an error as ${type}`, path: `${watched}&resourceVersion=999999999`, headers: accept(type) },
    ],
  ),
  ...[
    "application/yaml",
    "text/plain",
    "application/json;stream=watch",
    `${protobuf};stream=watch`,
    "application/cbor",
    "*/*",
    "text/html, */*;q=0.1",
    "",
  ].flatMap((type): SocketCase[] => [
    { name: `maps as ${type}`, path: watched, headers: accept(type) },
    { name: `widgets as ${type}`, path: `${widgets}?watch=true`, headers: accept(type) },
  ]),
  { name: "a table of nothing but cells", path: `${watched}&includeObject=None`, headers: accept(table) },
  { name: "a table that includes nonsense", path: `${watched}&includeObject=x`, headers: accept(table) },
  { name: "what changes", path: watched, changes: true },
  { name: "what changes of definitions", path: `${widgets}?watch=true`, changes: true },
  { name: "what changes, selected", path: `${watched}&labelSelector=kept`, changes: true },
];

const tooLong = (33n << 20n) + 1n;
const acts: SocketCase[] = [
  { name: "closes", acts: (client) => client.write(clientFrame(0x88, "\x03\xe8")) },
  { name: "closes with a reason", acts: (client) => client.write(clientFrame(0x88, "\x03\xe9gone")) },
  { name: "closes without a code", acts: (client) => client.write(clientFrame(0x88, "")) },
  { name: "ends its half", acts: (client) => client.half() },
  { name: "does not mask", acts: (client) => client.write(clientFrame(0x81, "x", { masked: false })) },
  { name: "does not mask a ping", acts: (client) => client.write(clientFrame(0x89, "x", { masked: false })) },
  { name: "pings", acts: (client) => client.write(clientFrame(0x89, "hello")) },
  { name: "pings with nothing", acts: (client) => client.write(clientFrame(0x89, "")) },
  { name: "pings with 125 bytes", acts: (client) => client.write(clientFrame(0x89, "p".repeat(125))) },
  { name: "pings with too much", acts: (client) => client.write(clientFrame(0x89, "0123456789".repeat(50))) },
  { name: "pings in pieces", acts: (client) => client.write(clientFrame(0x09, "a")) },
  { name: "pongs", acts: (client) => client.write(clientFrame(0x8a, "x")) },
  { name: "says something", acts: (client) => client.write(clientFrame(0x81, "hello")) },
  { name: "says much", acts: (client) => client.write(clientFrame(0x82, "x".repeat(100_000))) },
  { name: "says more than may be", acts: (client) => client.write(clientFrame(0x82, "x", { length: tooLong })) },
  { name: "says a lot more", acts: (client) => client.write(clientFrame(0x82, "x", { length: 1n << 60n })) },
  { name: "goes on with nothing", acts: (client) => client.write(clientFrame(0x80, "x")) },
  { name: "reserved bits", acts: (client) => client.write(clientFrame(0xf1, "x")) },
  { name: "a reserved opcode", acts: (client) => client.write(clientFrame(0x83, "x")) },
  { name: "a reserved opcode of control", acts: (client) => client.write(clientFrame(0x8b, "x")) },
  {
    name: "several at once",
    acts: (client) => client.write(Buffer.concat([clientFrame(0x81, "a"), clientFrame(0x89, "b"), clientFrame(0x89, "c"), clientFrame(0x88, "\x03\xe8")])),
  },
  {
    name: "byte by byte",
    acts: (client) => {
      for (const byte of clientFrame(0x89, "slow".repeat(40))) client.write(Buffer.from([byte]));
    },
  },
];

export const cases: SocketCase[] = [
  ...handshakes.map((one) => ({ ...one, name: `handshake: ${one.name}` })),
  ...who.map((one) => ({ ...one, name: `who: ${one.name}` })),
  ...paths.map((one) => ({ ...one, name: `ways: ${one.name}` })),
  ...asked.map((one) => ({ ...one, name: `asked: ${one.name}` })),
  ...forms.map((one) => ({ ...one, name: `forms: ${one.name}` })),
  ...acts.map((one) => ({ ...one, name: `client: ${one.name}` })),
].map((one) => ({ path: watched, ...one }));
