/** Requests that an API server refuses, with upstream's code, reason and text. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { load } from "js-yaml";
import { selfSigned } from "../../src/base/self-signed.fixture.ts";
import { expect } from "./checks.ts";

export interface Connection {
  url: URL;
  ca: Buffer;
  agent: Agent;
}
interface Answer {
  code: number;
  text: string;
}
interface Status {
  kind?: string;
  status?: string;
  code?: number;
  reason?: string;
  message?: string;
}

/** The administrator's, with data or files in the kubeconfig. */
export function connectionOf(kubeconfig: string): Connection {
  const config = load(readFileSync(kubeconfig, "utf8")) as { clusters: { cluster: Record<string, string> }[]; users: { user: Record<string, string> }[] };
  const value = (from: Record<string, string> | undefined, key: string): Buffer =>
    from?.[`${key}-data`] ? Buffer.from(from[`${key}-data`] as string, "base64") : readFileSync(from?.[key] as string);
  const cluster = config.clusters[0]?.cluster;
  const user = config.users[0]?.user;
  const ca = value(cluster, "certificate-authority");
  return {
    url: new URL(cluster?.server as string),
    ca,
    agent: new Agent({ keepAlive: true, ca, cert: value(user, "client-certificate"), key: value(user, "client-key") }),
  };
}

function send(
  connection: Connection,
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Record<string, string> = {},
  agent = connection.agent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, connection.url), {
      method,
      agent,
      timeout: 20_000,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) }),
        ...headers,
      },
    });
    sent.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve({ code: answer.statusCode ?? 0, text }));
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.on("error", reject);
    sent.end(body);
  });
}

function isStatus(answer: Answer, code: number, reason: string | undefined, message: string | RegExp): void {
  expect(answer.code === code, `code ${answer.code} instead of ${code}: ${answer.text.slice(0, 600)}`);
  const status = JSON.parse(answer.text) as Status;
  expect(status.kind === "Status" && status.status === "Failure" && status.code === code, `no Status: ${answer.text.slice(0, 600)}`);
  expect(status.reason === reason, `reason ${status.reason} instead of ${reason}`);
  const same = typeof message === "string" ? status.message === message : message.test(status.message ?? "");
  expect(same, `message ${JSON.stringify(status.message)} instead of ${String(message)}`);
}

const maps = "/api/v1/namespaces/default/configmaps";
const map = (name: string, more: object = {}): string => JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more });
const strict = "?fieldValidation=Strict";

export interface BadRequest {
  name: string;
  ask(to: Connection): Promise<void>;
}

export function badRequests(): BadRequest[] {
  const refused = (
    name: string,
    method: string,
    path: string,
    body: string | Buffer | undefined,
    code: number,
    reason: string | undefined,
    message: string | RegExp,
    headers?: Record<string, string>,
  ): BadRequest => ({
    name,
    ask: async (to) => isStatus(await send(to, method, path, body, headers), code, reason, message),
  });
  return [
    refused(
      "malformed JSON",
      "POST",
      maps,
      '{"apiVersion":"v1","kind":"ConfigMap"',
      400,
      "BadRequest",
      /^(couldn't get version\/kind; json parse error: )?unexpected end of JSON input$|unexpected end of JSON input/,
    ),
    refused("text instead of JSON", "POST", maps, "hello", 400, "BadRequest", /invalid character 'h' looking for beginning of value/),
    refused("an empty body", "POST", maps, "", 400, "BadRequest", /.+/),
    refused(
      "a body of more than 3 MiB",
      "POST",
      maps,
      map("large", { data: { a: "x".repeat(3 * 1024 * 1024 + 1) } }),
      413,
      "RequestEntityTooLarge",
      "Request entity too large: limit is 3145728",
    ),
    refused(
      "a type that no server reads",
      "POST",
      maps,
      map("m"),
      415,
      "UnsupportedMediaType",
      /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf/,
      {
        "content-type": "text/plain",
      },
    ),
    refused(
      "a form that no server writes",
      "GET",
      maps,
      undefined,
      406,
      "NotAcceptable",
      /^406: Not Acceptable\n\nAvailable representations: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf/,
      { accept: "image/png" },
    ),
    refused(
      "an unknown field, strict",
      "POST",
      maps + strict,
      map("m", { dat: {} }),
      400,
      "BadRequest",
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dat"',
    ),
    refused(
      "a field given twice, strict",
      "POST",
      maps + strict,
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1"},"data":{"a":"2"}}',
      400,
      "BadRequest",
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data"',
    ),
    refused(
      "a number for a text",
      "POST",
      maps,
      map("m", { data: { a: 1 } }),
      400,
      "BadRequest",
      /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
    ),
    refused(
      "a text for a number",
      "POST",
      "/apis/apps/v1/namespaces/default/deployments",
      JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec: { replicas: "three" } }),
      400,
      "BadRequest",
      /^Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32$/,
    ),
    refused(
      "another kind than the path's",
      "POST",
      maps,
      JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "m" } }),
      400,
      "BadRequest",
      /Secret.*ConfigMap|ConfigMap.*Secret/,
    ),
    refused(
      "a wrong name",
      "POST",
      maps,
      map("Not_A_Name"),
      422,
      "Invalid",
      /^ConfigMap "Not_A_Name" is invalid: metadata\.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of/,
    ),
    refused("a namespace that is not there", "POST", "/api/v1/namespaces/absent/configmaps", map("m"), 404, "NotFound", 'namespaces "absent" not found'),
    refused("an object that is not there", "GET", `${maps}/absent`, undefined, 404, "NotFound", 'configmaps "absent" not found'),
    {
      name: "a path that is not there",
      async ask(to) {
        const answer = await send(to, "GET", "/apis/absent.example/v1/things");
        expect(answer.code === 404 && answer.text === "404 page not found\n", `${answer.code} ${JSON.stringify(answer.text)}`);
      },
    },
    refused(
      "a wrong label selector",
      "GET",
      `${maps}?labelSelector=a%3D%3D%3Db`,
      undefined,
      400,
      "BadRequest",
      /unable to parse requirement|found '==?'|couldn't parse/,
    ),
    refused(
      "a field selector that the kind does not have",
      "GET",
      `${maps}?fieldSelector=data.a%3Db`,
      undefined,
      400,
      "BadRequest",
      /field label not supported: data\.a|data\.a/,
    ),
    refused(
      "a continue token of nobody's",
      "GET",
      `${maps}?limit=1&continue=bm9ib2R5`,
      undefined,
      400,
      "BadRequest",
      /^invalid continue token: continue key is not valid: /,
    ),
    {
      name: "an update of an older version",
      async ask(to) {
        await send(to, "DELETE", `${maps}/stale`);
        const created = await send(to, "POST", maps, map("stale"));
        const { metadata } = JSON.parse(created.text) as { metadata: { resourceVersion: string } };
        const now = await send(to, "PUT", `${maps}/stale`, map("stale", { data: { a: "1" } }));
        expect(now.code === 200, `the update without a version: ${now.text}`);
        const late = JSON.stringify({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "stale", resourceVersion: metadata.resourceVersion },
          data: { a: "2" },
        });
        isStatus(
          await send(to, "PUT", `${maps}/stale`, late),
          409,
          "Conflict",
          'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
        );
        isStatus(await send(to, "POST", maps, map("stale")), 409, "AlreadyExists", 'configmaps "stale" already exists');
        isStatus(
          await send(to, "PUT", `${maps}/stale`, map("other")),
          400,
          "BadRequest",
          "the name of the object (other) does not match the name on the URL (stale)",
        );
        await send(to, "DELETE", `${maps}/stale`);
      },
    },
    {
      name: "a token of nobody's, and no credentials",
      async ask(to) {
        const anonymous = new Agent({ ca: to.ca });
        const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
        isStatus(await send(to, "GET", "/api/v1/namespaces", undefined, bearer("nobody"), anonymous), 401, "Unauthorized", "Unauthorized");
        isStatus(
          await send(to, "GET", "/api/v1/namespaces", undefined, bearer("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."), anonymous),
          401,
          "Unauthorized",
          "Unauthorized",
        );
        isStatus(
          await send(to, "GET", "/api/v1/namespaces", undefined, {}, anonymous),
          403,
          "Forbidden",
          'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
        );
        anonymous.destroy();
      },
    },
    {
      name: "a client certificate of another authority",
      async ask(to) {
        const foreign = new Agent({ ca: to.ca, ...selfSigned("/O=system:masters/CN=kubernetes-admin") });
        isStatus(await send(to, "GET", "/api/v1/namespaces", undefined, {}, foreign), 401, "Unauthorized", "Unauthorized");
        foreign.destroy();
      },
    },
  ];
}
