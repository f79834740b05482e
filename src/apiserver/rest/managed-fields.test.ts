import assert from "node:assert/strict";
import test from "node:test";
import { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { applyServerSide } from "../../api/apply/apply.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { StatusError } from "../../api/status.ts";
import type { CustomResourceDefinition } from "../../api/types/apiextensions-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { Call, CustomConverter, Endpoint } from "./call.ts";
import { inVersions, operationOf, trackWrite } from "./managed-fields.ts";

const field = (name: string): object => ({ openAPIV3Schema: { type: "object", properties: { [name]: { type: "string" } } } });
const definition = {
  spec: {
    group: "example.com",
    scope: "Namespaced",
    versions: [
      { name: "v1", served: true, storage: true, schema: field("hostname") },
      { name: "v2", served: true, storage: false, schema: field("host") },
    ],
  },
  status: { acceptedNames: { plural: "cups", kind: "Cup" } },
} as unknown as CustomResourceDefinition;
const [v1, v2] = definition.spec.versions.map((version) => new CustomVersion(definition, version)) as [CustomVersion, CustomVersion];

/** The host is called `hostname` in v1. */
interface Cup extends KubeObject {
  host?: string;
  hostname?: string;
}
const asked: string[] = [];
const converter: CustomConverter = {
  convert: async (objects, to) =>
    objects.map((object) => {
      asked.push(`${JSON.stringify(object.metadata)} to ${to.name}`);
      const { host, hostname, ...rest } = object as Cup;
      return { ...rest, apiVersion: to.apiVersion, [to === v1 ? "hostname" : "host"]: host ?? hostname } as Cup;
    }),
};

function callOf(convert: CustomConverter): Call {
  const endpoint = {
    apiVersion: v2.apiVersion,
    groupResource: "cups.example.com",
    custom: v2,
    versions: new Map([v1, v2].map((version) => [version.apiVersion, version])),
    converter: convert,
    hubKind: {},
    def: { kind: "Cup", subresources: [] },
  } as unknown as Endpoint;
  return { endpoint, info: { subresource: "", name: "a" }, rest: { clock: new VirtualClock(), logger: silentLogger } } as unknown as Call;
}

const owned = (manager: string, fields: object): object => ({
  manager,
  operation: "Apply",
  apiVersion: v1.apiVersion,
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: fields,
});
const cup = (host: string, ...managedFields: object[]): Cup =>
  ({ apiVersion: v2.apiVersion, kind: "Cup", metadata: { name: "a", uid: "u", ...(managedFields.length ? { managedFields } : {}) }, host }) as unknown as Cup;

function applied(call: Call, host: string, force: boolean): Promise<JSONObject> {
  const live = cup("old", owned("first", { "f:hostname": {} })) as unknown as JSONObject;
  const config = { apiVersion: v2.apiVersion, kind: "Cup", metadata: { name: "a" }, host };
  return Promise.resolve(
    inVersions(call, (convert) => applyServerSide(v2.objectType, live, config, { ...operationOf(call, "second", convert), kind: "Cup", force })),
  );
}

test("an apply in one version conflicts with the owner in another one, whose field has another name there", async () => {
  await assert.rejects(applied(callOf(converter), "new", false), (error: StatusError) => {
    assert.equal(error.status.code, 409);
    assert.deepEqual(
      error.status.details?.causes?.map(({ field: at, message }) => [at, message]),
      [[".hostname", 'conflict with "first"']],
    );
    return true;
  });
});

test("an apply by force takes the field from the owner in another version, and one that changes nothing shares it", async () => {
  const managers = ({ metadata }: JSONObject): unknown =>
    (metadata as { managedFields: { manager: string }[] }).managedFields.map(({ manager }) => manager).sort();
  assert.deepEqual(managers(await applied(callOf(converter), "new", true)), ["second"]);
  assert.deepEqual(managers(await applied(callOf(converter), "old", false)), ["first", "second"]);
});

test("an update takes the field from its owner in another version; the webhook sees no managed fields", async () => {
  asked.length = 0;
  const next = cup("new", owned("first", { "f:hostname": {} }));
  await trackWrite(callOf(converter), next, cup("old", owned("first", { "f:hostname": {} })), "second");
  assert.deepEqual(
    next.metadata.managedFields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [["second", { "f:host": {} }]],
  );
  assert.deepEqual(asked, ['{"name":"a","uid":"u"} to v1', '{"name":"a","uid":"u"} to v1']);
});

test("where the webhook fails an apply fails with its words, and an update goes on without managed fields", async () => {
  const broken = callOf({
    convert: async () => {
      throw new StatusError({ code: 500, message: "conversion webhook for example.com/v2, Kind=Cup failed: it is gone" });
    },
  });
  await assert.rejects(applied(broken, "new", false), /it is gone/);
  const next = cup("new", owned("first", { "f:hostname": {} }));
  await trackWrite(broken, next, cup("old", owned("first", { "f:hostname": {} })), "second");
  assert.equal(next.metadata.managedFields, undefined);
});
