/** metrics.k8s.io in OpenAPI, for `kubectl explain` and for whoever generates clients. */
import { readFileSync } from "node:fs";
import { group, version } from "./metrics-api.ts";

const { definitions } = JSON.parse(readFileSync(new URL("openapi.json", import.meta.url), "utf8")) as { definitions: Record<string, object> };
const prefix = "io.k8s.metrics.pkg.apis.metrics.v1beta1";

interface Operation {
  path: string;
  kind: "NodeMetrics" | "PodMetrics";
  action: "get" | "list";
}
const root = `/apis/${group}/${version}`;
const operations: readonly Operation[] = [
  { path: `${root}/nodes`, kind: "NodeMetrics", action: "list" },
  { path: `${root}/nodes/{name}`, kind: "NodeMetrics", action: "get" },
  { path: `${root}/pods`, kind: "PodMetrics", action: "list" },
  { path: `${root}/namespaces/{namespace}/pods`, kind: "PodMetrics", action: "list" },
  { path: `${root}/namespaces/{namespace}/pods/{name}`, kind: "PodMetrics", action: "get" },
];

/** `schemaOf` makes what an operation answers with, `parameter` one in the path. */
function pathsOf(respond: (name: string, many: boolean) => object, parameter: (name: string) => object): object {
  return Object.fromEntries(
    operations.map(({ path, kind, action }) => [
      path,
      {
        get: {
          responses: { "200": { description: "OK", ...respond(kind, action === "list") } },
          "x-kubernetes-action": action,
          "x-kubernetes-group-version-kind": { group, version, kind },
        },
        parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => parameter(name)),
      },
    ]),
  );
}
const info = { title: "metrics-server", version: "unversioned" };
const many = (schema: object): object => ({ type: "object", required: ["items"], properties: { items: { type: "array", items: schema } } });

export const openapiV2 = {
  swagger: "2.0",
  info,
  paths: pathsOf(
    (kind, list) => {
      const schema = { $ref: `#/definitions/${prefix}.${kind}` };
      return { schema: list ? many(schema) : schema };
    },
    (name) => ({ name, in: "path", required: true, type: "string", uniqueItems: true }),
  ),
  definitions,
};

export const openapiV3Path = `apis/${group}/${version}`;
export const openapiV3 = {
  openapi: "3.0.0",
  info,
  paths: pathsOf(
    (kind, list) => {
      const schema = { $ref: `#/components/schemas/${prefix}.${kind}` };
      return { content: { "application/json": { schema: list ? many(schema) : schema } } };
    },
    (name) => ({ name, in: "path", required: true, schema: { type: "string", uniqueItems: true } }),
  ),
  components: { schemas: JSON.parse(JSON.stringify(definitions).replaceAll("#/definitions/", "#/components/schemas/")) as object },
};
