import assert from "node:assert/strict";
import test from "node:test";
import { customResourceKind } from "../../api/apiextensions/custom-resource.ts";
import { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import type { KubeObject } from "../../api/object.ts";
import type { ResourceDef } from "../../api/schema/schema.ts";
import type { CustomResourceDefinition } from "../../api/types/apiextensions-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { openCache } from "../../cache/watch-cache.ts";
import { StatusError } from "../../api/status.ts";
import { memoryStore } from "../../store/memory.ts";
import { type Converter, renaming } from "./converter.ts";
import { VersionCache } from "./version-cache.ts";

const schema = { openAPIV3Schema: { type: "object", properties: { host: { type: "string" }, hostPort: { type: "string" } } } };
const definition = {
  spec: {
    group: "example.com",
    scope: "Namespaced",
    versions: [
      { name: "v1", served: true, storage: true, schema },
      { name: "v2", served: true, storage: false, schema, selectableFields: [{ jsonPath: ".host" }] },
    ],
  },
  status: { acceptedNames: { plural: "cups", kind: "Cup" } },
} as unknown as CustomResourceDefinition;
const [one, two] = definition.spec.versions.map((version) => new CustomVersion(definition, version)) as [CustomVersion, CustomVersion];
const resource: ResourceDef = { group: "example.com", version: "v2", resource: "cups", kind: "Cup", namespaced: true, singular: "cup", verbs: [], columns: [] };

interface Cup extends KubeObject {
  host?: string;
  hostPort?: string;
}
const there = ({ hostPort, ...rest }: Cup): Cup => ({ ...rest, apiVersion: "example.com/v2", host: hostPort?.split(":")[0] ?? "" });
const back = ({ host, ...rest }: Cup): Cup => ({ ...rest, apiVersion: "example.com/v1", hostPort: `${host}:80` });
const converter: Converter = {
  convert: async (objects, to) => objects.map((object) => (object.apiVersion === to.apiVersion ? object : to === two ? there(object) : back(object))),
};
const cup = (name: string, host: string): Cup => ({
  apiVersion: "example.com/v2",
  kind: "Cup",
  metadata: { name, namespace: "default", uid: name } as Cup["metadata"],
  host,
});

test("who watches a selection of what a webhook converts sees objects come into it and go out of it", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [], index: () => ({}) });
  const kind = customResourceKind("cups.example.com", two);
  const view = new VersionCache({
    resource,
    storage: cache.resource(resource),
    version: two,
    storageVersion: one,
    versions: new Map([one, two].map((version) => [version.apiVersion, version])),
    converter,
    kind,
    clock,
  });
  const first = await view.create(cup("a", "red"));
  const stop = new AbortController();
  const predicate = ({ fields }: { fields: Readonly<Record<string, string>> }): boolean => fields.host === "red";
  const seen: string[] = [];
  const watching = (async () => {
    for await (const batch of view.watch({ fromRevision: first.revision, predicate, signal: stop.signal }))
      for (const { type, stored } of batch) {
        assert.ok(stored);
        const { metadata, host } = stored.object() as Cup;
        seen.push(`${type} ${metadata.name} ${host} ${Number(metadata.resourceVersion) - first.revision}`);
      }
  })();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  await settle();
  const changed = await view.update({ ...first.object(), host: "blue" } as Cup, first.revision);
  const other = await view.create(cup("b", "blue"));
  await view.update({ ...other.object(), host: "red" } as Cup, other.revision);
  await view.delete("default", "a", changed.revision);
  await settle();
  stop.abort();
  await watching;
  assert.deepEqual(seen, ["DELETED a red 1", "ADDED b red 3"]);
  const { items } = await view.list({ predicate });
  assert.deepEqual(
    items.map(({ name }) => name),
    ["b"],
  );
});

test("a version in which what is stored cannot be shown is not listed, and asks to try again; later failures are the webhook's", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [], index: () => ({}) });
  const storage = cache.resource(resource);
  const versions = new Map([one, two].map((version) => [version.apiVersion, version]));
  let broken = true;
  const failing: Converter = {
    convert: async (objects, to) => {
      if (broken && objects.some((object) => object.apiVersion !== to.apiVersion)) throw new StatusError({ code: 500, message: "no answer" });
      return converter.convert(objects, to);
    },
  };
  await storage.create({ apiVersion: "example.com/v1", kind: "Cup", metadata: { name: "a", namespace: "default", uid: "a" }, hostPort: "red:80" } as Cup);
  const view = new VersionCache({
    resource,
    storage,
    version: two,
    storageVersion: one,
    versions,
    converter: failing,
    kind: customResourceKind("cups.example.com", two),
    clock,
  });
  await assert.rejects(view.ready(), (error: StatusError) => {
    assert.equal(error.status.code, 429);
    assert.equal(error.status.details?.retryAfterSeconds, 1);
    assert.equal(error.message, "storage is (re)initializing: failed to list example.com/v2, Kind=Cup: no answer");
    return true;
  });
  broken = false;
  await view.ready();
  broken = true;
  await storage.create({ apiVersion: "example.com/v1", kind: "Cup", metadata: { name: "b", namespace: "default", uid: "b" }, hostPort: "blue:80" } as Cup);
  await view.ready();
  await assert.rejects(view.list({}), (error: StatusError) => error.status.code === 500);
});

test("one object is converted anew for who asks for it; who changes it is given what was converted before", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [], index: () => ({}) });
  const storage = cache.resource(resource);
  let calls = 0;
  const counting: Converter = {
    convert: async (objects, to) => (await converter.convert(objects, to)).map((object) => ({ ...object, host: `${++calls}`, unknown: 1 }) as KubeObject),
  };
  await storage.create({ apiVersion: "example.com/v1", kind: "Cup", metadata: { name: "a", namespace: "default", uid: "a" }, hostPort: "red:80" } as Cup);
  const versions = new Map([one, two].map((version) => [version.apiVersion, version]));
  const kind = customResourceKind("cups.example.com", two);
  const view = new VersionCache({ resource, storage, version: two, storageVersion: one, versions, converter: counting, kind, clock });
  await view.ready();
  const shown = async (anew: boolean): Promise<unknown> => ((await view.get("default", "a", { anew }))?.object() as Cup | undefined)?.host;
  const seen = [await shown(false), await shown(true), await shown(true), await shown(false)];
  assert.deepEqual(seen, ["1", "2", "3", "1"]);
  assert.equal("unknown" in ((await view.get("default", "a", { anew: true }))?.object() ?? {}), false, "what the schema does not know goes");
});

test("what a version does not show is lost when it is written, be it unchanged, and what a schema does not know once it is read", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [], index: () => ({}) });
  const storage = cache.resource(resource);
  const narrow = { openAPIV3Schema: { type: "object", properties: { host: { type: "string" } } } };
  const versions = [
    { ...definition.spec.versions[0], schema },
    { ...definition.spec.versions[1], schema: narrow },
  ];
  const [wide, thin] = versions.map((version) => new CustomVersion(definition, version as never)) as [CustomVersion, CustomVersion];
  const options = { resource, storage, clock, storageVersion: wide, converter: renaming, versions: new Map([wide, thin].map((one) => [one.apiVersion, one])) };
  const viewOf = (version: CustomVersion): VersionCache => new VersionCache({ ...options, version, kind: customResourceKind("cups.example.com", version) });
  const both = {
    apiVersion: "example.com/v1",
    kind: "Cup",
    metadata: { name: "a", namespace: "default", uid: "a", generation: 1 },
    host: "h",
    hostPort: "h:1",
  } as Cup;
  const created = await viewOf(wide).create({ ...both, unknown: true } as Cup);
  assert.equal((created.object() as Cup & { unknown?: boolean }).unknown, undefined);
  assert.equal(((await viewOf(wide).tried({ ...both, unknown: true } as Cup)) as Cup & { unknown?: boolean }).unknown, undefined);
  assert.equal(await viewOf(wide).stale("default", "a"), true, "the unknown field is stored");
  await viewOf(wide).update(both, created.revision);
  assert.equal(await viewOf(wide).stale("default", "a"), false);
  assert.equal(await viewOf(thin).stale("default", "a"), true, "hostPort is stored");
  assert.equal(await viewOf(thin).stale("default", "b"), false);
  const overThin = new VersionCache({ ...options, version: wide, storageVersion: thin, kind: customResourceKind("cups.example.com", wide) });
  assert.equal(await overThin.stale("default", "a"), true, "it is stored in a version that is not written any more");
  const reduced = await overThin.update(both, (await overThin.get("default", "a"))?.revision ?? 0);
  const more = { ...reduced.object(), hostPort: "h:2" } as Cup;
  assert.equal((await overThin.update(more, reduced.revision)).revision, reduced.revision, "nothing else would be stored");
});

test("what the stored version cannot take is told without a reason, as upstream's store tells it", () => {
  const embedded = { openAPIV3Schema: { type: "object", properties: { pod: { type: "object", "x-kubernetes-embedded-resource": true } } } };
  const version = new CustomVersion(definition, { name: "v3", served: true, storage: true, schema: embedded });
  const object = { ...cup("a", "red"), pod: { kind: {} } } as Cup;
  assert.throws(
    () => renaming.now?.(object, version),
    (error: StatusError) => {
      assert.deepEqual([error.status.code, error.status.reason, error.message], [500, undefined, "pod.kind: Invalid value: {}: must be a string"]);
      return true;
    },
  );
});

test("a webhook is shown what is read from the store without its revision", async () => {
  const clock = new VirtualClock();
  await using store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [], index: () => ({}) });
  const storage = cache.resource(resource);
  await storage.create({ apiVersion: "example.com/v1", kind: "Cup", metadata: { name: "a", namespace: "default", uid: "a" }, hostPort: "red:80" } as Cup);
  const shown: (string | undefined)[] = [];
  const asked: Converter = {
    convert: async (objects, to) => {
      shown.push(...objects.map(({ metadata }) => metadata.resourceVersion));
      return converter.convert(objects, to);
    },
  };
  const versions = new Map([one, two].map((version) => [version.apiVersion, version]));
  const kind = customResourceKind("cups.example.com", two);
  const view = new VersionCache({ resource, storage, version: two, storageVersion: one, versions, converter: asked, kind, clock });
  for (const anew of [false, true]) {
    const found = await view.get("default", "a", { anew });
    assert.equal(found?.object().metadata.resourceVersion, String(found?.revision));
  }
  assert.ok(shown.length > 0 && shown.every((revision) => revision === undefined));
});
