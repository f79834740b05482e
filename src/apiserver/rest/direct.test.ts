import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { encodeJSON } from "../../api/codec/json.ts";
import { parsePart, type Wanted } from "../../api/codec/json-part.ts";
import type { Kind } from "../../api/kind.ts";
import type { KubeObject } from "../../api/object.ts";
import { resources, typeByName, typeOfKind } from "../../api/schema/schema.ts";
import { groupResource } from "../../api/status.ts";
import { seededRandom } from "../../base/random.ts";
import { bytesOf, TestServer } from "../assembled.fixture.ts";
import { kinds } from "../kinds.gen.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const core = "/api/v1/namespaces/default";
const count = 60;

async function text(path: string, accept: string): Promise<string> {
  const { body, status } = await server.send("GET", path, { accept });
  assert.equal(status, 200, path);
  return (await bytesOf(body)).toString();
}

/** Items or rows as the answer has them, of the whole list and of short pages, which are made of objects. */
async function both(path: string, as: string): Promise<[whole: string, paged: string]> {
  const accept = `application/json;as=${as};v=v1;g=meta.k8s.io`;
  const itemsOf = (list: string): string => /"(?:items|rows)":\[(.*)\]\}$/s.exec(list)?.[1] ?? "";
  const query = path.includes("?") ? "&" : "?";
  const whole = await text(path, accept);
  const pages: string[] = [];
  for (let next = ""; ; ) {
    const page = await text(`${path}${query}limit=20${next}`, accept);
    pages.push(itemsOf(page));
    const token = JSON.parse(page).metadata.continue;
    if (!token) break;
    next = `&continue=${token}`;
  }
  return [itemsOf(whole), pages.join(",")];
}

const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const made: Record<string, (i: number) => object> = {
  [`${core}/configmaps`]: (i) => ({ metadata: { name: `c-${i}`, labels: { "1": "a" }, annotations: { text: "<&>", metadata: '"}{ö' } }, data: { a: "x" } }),
  [`${core}/pods`]: (i) => ({ metadata: { name: `p-${i}`, labels: { a: String(i % 7) } }, spec: template.spec }),
  [`${core}/services`]: (i) => ({
    metadata: { name: `s-${i}` },
    spec: i % 2 ? { type: "ExternalName", externalName: "x.example.com" } : { ports: [{ port: 80 }], selector: { a: "b" } },
  }),
  "/apis/apps/v1/namespaces/default/daemonsets": (i) => ({ metadata: { name: `d-${i}` }, spec: { selector: { matchLabels: { a: "b" } }, template } }),
  "/apis/networking.k8s.io/v1/ingressclasses": (i) => ({ metadata: { name: `i-${i}` }, spec: { controller: "example.com/c" } }),
  "/apis/example.com/v1/cups": (i) => ({ apiVersion: "example.com/v1", kind: "Cup", metadata: { name: `c-${i}` }, spec: { size: i, big: 2 ** 53 + 2 } }),
};
const cups = {
  metadata: { name: "cups.example.com" },
  spec: {
    group: "example.com",
    scope: "Cluster",
    names: { plural: "cups", kind: "Cup" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        additionalPrinterColumns: [
          { name: "Size", type: "integer", jsonPath: ".spec.size" },
          { name: "Big", type: "integer", jsonPath: ".spec.big" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", properties: { size: { type: "integer" }, big: { type: "integer" }, colour: { type: "string", default: "red" } } },
            },
          },
        },
      },
    ],
  },
};

for (const [path, object] of Object.entries(made))
  test(`a long list of ${path.split("/").at(-1)} shows what short ones show, in tables and as metadata`, async () => {
    if (path.includes("example.com")) {
      assert.equal((await server.answer("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", cups)).http, 201);
      for (let tries = 0; (await server.answer("GET", path)).http !== 200; tries++) {
        assert.ok(tries < 1000);
        await server.clock.advance(100);
      }
    }
    for (let i = 0; i < count; i++) {
      const answer = await server.answer("POST", path, object(i));
      assert.equal(answer.http, 201, answer.message);
    }
    for (const [query, as] of [
      ["", "Table"],
      ["?includeObject=None", "Table"],
      ["?includeObject=Object", "Table"],
      ["", "PartialObjectMetadataList"],
    ] as const) {
      const [whole, paged] = await both(path + query, as);
      assert.ok(whole.length > count * 20);
      assert.equal(whole, paged, `${as}${query}`);
    }
  });

/** Words that cells and fields look for among others. */
const words = ["Running", "Ready", "True", "PodScheduled", "SchedulingGated", "Completed", "Initialized", "Always", "a", "", "NodeLost", "<b>", "10.0.0.1"];

/** Any value of a type, most of it sensible. */
function anything(type: string, random: ReturnType<typeof seededRandom>, depth: number): unknown {
  const word = (): string => words[random.int(words.length)] as string;
  if (type.startsWith("*")) return anything(type.slice(1), random, depth);
  if (type.startsWith("[]")) return Array.from({ length: random.int(4) }, () => anything(type.slice(2), random, depth - 1));
  if (type.startsWith("map[string]")) return { [word()]: anything(type.slice(11), random, depth - 1) };
  switch (type) {
    case "string":
      return word();
    case "bool":
      return random.int(2) === 0;
    case "int32":
    case "int64":
      return random.int(3);
    case "Time":
    case "MicroTime":
      return `2026-01-0${1 + random.int(9)}T00:00:00Z`;
  }
  const fields = type.includes("/") ? typeByName(type).flat : undefined;
  if (!fields || depth <= 0) return fields ? {} : word();
  return Object.fromEntries(fields.filter(() => random.int(3) > 0).map((field) => [field.name, anything(field.type, random, depth - 1)]));
}

for (const kind of kinds as readonly Kind[]) {
  if (!kind.reads) continue;
  test(`fields and cells of ${kind.resource} look at nothing but what they say`, () => {
    const def = resources.find((one) => groupResource(one.group, one.resource) === kind.resource);
    const type = def && typeOfKind(def.group ? `${def.group}/${def.version}` : def.version, def.kind);
    assert.ok(type);
    const random = seededRandom(4);
    const now = Date.parse("2026-02-01T00:00:00Z");
    const seen = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const object = { spec: {}, ...(anything(type.name, random, 6) as object) } as Record<string, unknown>;
      object.metadata ??= {};
      const bytes = encodeJSON(object);
      const whole = JSON.parse(Buffer.from(bytes).toString()) as KubeObject;
      for (const what of ["fields", "cells"] as const) {
        const wanted = kind.reads?.[what] as Wanted | undefined;
        if (!wanted) continue;
        const part = parsePart(bytes, wanted) as unknown as KubeObject;
        const shown = what === "fields" ? kind.fields?.(whole) : kind.cells?.(whole, now);
        assert.deepEqual(what === "fields" ? kind.fields?.(part) : kind.cells?.(part, now), shown, Buffer.from(bytes).toString());
        seen.add(JSON.stringify(shown));
      }
    }
    assert.ok(seen.size > 200, `${seen.size} different ones`);
  });
}
