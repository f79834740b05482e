/**
 * Reads from a running kube-apiserver what merge.ts and openapi.ts take: OpenAPI v3 and v2, aggregated discovery, the
 * columns of tables, what is warned of when a resource is used, and the objects that a fresh server creates.
 *
 * Usage: node tools/schema/fetch.ts https://HOST:PORT CERTIFICATES FOLDER
 * CERTIFICATES is a folder with ca.crt, admin.crt and admin.key.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [server, certificates, folder] = process.argv.slice(2);
if (!server || !certificates || !folder) {
  process.stderr.write("usage: node tools/schema/fetch.ts https://HOST:PORT CERTIFICATES FOLDER\n");
  process.exit(2);
}
const file = (name: string): Buffer => readFileSync(join(certificates, name));
const tls = { ca: file("ca.crt"), cert: file("admin.crt"), key: file("admin.key") };

/** By path. */
const warned = new Map<string, string>();

function get(path: string, accept = "application/json"): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(new URL(path, server), { ...tls, headers: { accept } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        // `299 - "v1 Endpoints is deprecated in v1.33+; ..."`
        const warning = /^299 \S+ ("(?:[^"\\]|\\.)*")/.exec(String(response.headers.warning ?? ""))?.[1];
        if (warning) warned.set(path, JSON.parse(warning) as string);
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${path}: ${response.statusCode} ${text}`));
      });
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}

type Json = { [key: string]: Json } & Json[] & string;
const json = async (path: string, accept?: string): Promise<Json> => JSON.parse(await get(path, accept)) as Json;
const write = (name: string, value: unknown): void => {
  const text = `${JSON.stringify(value, (_, item: unknown) => (isObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item), 1)}\n`;
  writeFileSync(join(folder, name), name.endsWith(".gz") ? gzipSync(text, { level: 9 }) : text);
};
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

mkdirSync(join(folder, "openapi-v3"), { recursive: true });
const index = await json("/openapi/v3");
for (const [path, { serverRelativeURL }] of Object.entries(index.paths as unknown as Record<string, { serverRelativeURL: string }>)) {
  write(`openapi-v3/${path.replace(/^\./, "").replaceAll("/", "__")}.json.gz`, await json(serverRelativeURL));
}
write("swagger-v2.json.gz", await json("/openapi/v2"));

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const discovery = { "/api": await json("/api", aggregated), "/apis": await json("/apis", aggregated) };
writeFileSync(join(folder, "discovery-aggregated.json"), `${JSON.stringify(discovery, null, 1)}\n`);

type Group = { metadata: { name?: string }; versions: { version: string; resources: { resource: string; verbs: string[] }[] }[] };
const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
const columns: Record<string, unknown> = {};
const objects: Record<string, unknown[]> = {};
const deprecations: Record<string, string> = {};
for (const list of Object.values(discovery)) {
  for (const group of list.items as unknown as Group[]) {
    for (const { version, resources } of group.versions) {
      for (const { resource, verbs } of resources) {
        if (!verbs.includes("list")) continue;
        const name = group.metadata.name ?? "";
        const path = `${name ? `/apis/${name}` : "/api"}/${version}/${resource}`;
        const key = `${name || "core"}/${version}/${resource}`;
        const definitions = (await json(path, table)).columnDefinitions as unknown as Record<string, unknown>[];
        columns[key] = definitions.map(({ description: _, ...column }) => (column.format === "" ? { ...column, format: undefined } : column));
        const deprecation = warned.get(path);
        if (deprecation) deprecations[key] = deprecation;
        // What comes and goes by itself is no bootstrap object.
        if (["events", "leases", "endpoints", "endpointslices", "configmaps", "componentstatuses", "ipaddresses"].includes(resource)) continue;
        const items = (await json(path)).items as unknown as { metadata: Record<string, unknown> }[];
        if (items.length) objects[key] = items.map(bare);
      }
    }
  }
}
write("table-columns.json", columns);
write("bootstrap-objects.json", objects);
write("deprecations.json", deprecations);

/** Without what each server makes up itself. */
function bare(object: { metadata: Record<string, unknown> }): unknown {
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _created, managedFields: _fields, ...metadata } = object.metadata;
  return { ...object, metadata };
}
