/**
 * The kinds outside the core group against answers of kube-apiserver 1.36.3, recorded with dryRun=All: the same causes,
 * or the same object and warnings. Objects take the server's own way from decoding to what would be stored.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { normalize } from "../api/codec/normalize.ts";
import { deepCopy } from "../api/copy.ts";
import type { JSONObject } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import { resources } from "../api/schema/schema.ts";
import { StatusError } from "../api/status.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { endpointOf } from "./endpoints.ts";
import type { Call, Endpoint } from "./rest/call.ts";
import { complete, storedForm, toStored } from "./rest/decode.ts";
import { initMetadata, prepareCreate, prepareUpdate, validateCreate, validateUpdate } from "./rest/strategy.ts";

type Cause = [string, string, string];

interface Case {
  name: string;
  verb: "create" | "update";
  subresource?: string;
  input: JSONObject;
  old?: JSONObject;
  object?: JSONObject;
  causes?: Cause[];
  error?: string;
  warnings?: string[];
}

const cases = JSON.parse(readFileSync(new URL("./testdata/kinds.json", import.meta.url), "utf8")) as Case[];
const endpoints = new Map<string, Endpoint>();

function endpointFor({ apiVersion, kind }: JSONObject): Endpoint {
  const key = `${apiVersion}/${kind}`;
  const known = endpoints.get(key);
  if (known) return known;
  const def = resources.find((r) => `${r.group}/${r.version}/${r.kind}` === key);
  assert.ok(def, key);
  const endpoint = endpointOf(def, undefined as unknown as WatchCache, {});
  endpoints.set(key, endpoint);
  return endpoint;
}

const stored = (endpoint: Endpoint, object: JSONObject): KubeObject => {
  const { object: decoded } = normalize(endpoint.type, structuredClone(object), "kept");
  decoded.kind = endpoint.def.kind;
  decoded.apiVersion = endpoint.apiVersion;
  return toStored(endpoint, deepCopy(decoded) as unknown as KubeObject);
};

interface Answer {
  object?: JSONObject;
  causes: Cause[];
  warnings: string[];
}

function answer({ verb, subresource = "", input, old }: Case): Answer {
  const endpoint = endpointFor(input);
  const warnings: string[] = [];
  const namespace = (input.metadata as { namespace?: string } | undefined)?.namespace ?? "";
  const call = {
    endpoint,
    info: { namespace },
    rest: { clock: { now: () => 0 }, random: { uuid: () => uid } },
    warn: (text: string) => warnings.push(text),
  } as unknown as Call;
  const object = stored(endpoint, input);
  try {
    if (verb === "create") {
      initMetadata(call, object);
      prepareCreate(endpoint, object);
    } else prepareUpdate(call, object, stored(endpoint, old as JSONObject), subresource);
    const judged = complete(endpoint, object);
    if (verb === "create") validateCreate(call, judged.object, false);
    else validateUpdate(call, judged.object, stored(endpoint, old as JSONObject), subresource, endpoint.groupKind);
    const wanted = storedForm(endpoint, judged);
    const served = endpoint.conversion ? endpoint.conversion.fromHub(wanted) : wanted;
    return { object: served as unknown as JSONObject, causes: [], warnings };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const causes = (error.status.details?.causes ?? []).map((c): Cause => [c.reason ?? "", c.field ?? "", c.message ?? ""]);
    return { causes, warnings };
  }
}

const uid = "00000000-0000-4000-8000-000000000000";

/** Without what differs each time. */
function comparable<T>(value: T): T {
  const text = JSON.stringify(value)
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UID")
    .replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '"TIME"');
  return JSON.parse(text) as T;
}

function plain(endpoint: Endpoint, object: JSONObject): unknown {
  const { object: complete } = normalize(endpoint.type, structuredClone(object));
  const metadata = { ...(complete.metadata as JSONObject) };
  for (const key of ["resourceVersion", "managedFields"]) delete metadata[key];
  return comparable({ ...complete, metadata });
}

/** Upstream walks maps in random order. */
const sorted = (causes: Cause[]): string[] => comparable(causes.map((cause) => cause.join("\n"))).sort();

/** Who asks is written by the registry. */
const requester = ["username", "groups", "uid", "extra"];

for (const item of cases) {
  if (item.error !== undefined) continue;
  test(`${item.verb} ${item.name}`, () => {
    const endpoint = endpointFor(item.input);
    const { object, causes, warnings } = answer(item);
    assert.deepEqual(sorted(causes), sorted(item.causes ?? []));
    if (item.causes) return;
    const expected = plain(endpoint, item.object as JSONObject) as { kind: string; metadata: { finalizers?: string[] }; spec: Record<string, unknown> };
    // An admission plugin puts it there.
    if (expected.kind === "VolumeAttributesClass" && item.verb === "create") delete expected.metadata.finalizers;
    if (expected.kind === "CertificateSigningRequest" && item.verb === "create") for (const field of requester) delete expected.spec[field];
    assert.deepEqual(plain(endpoint, object as JSONObject), expected);
    assert.deepEqual(warnings, item.warnings ?? []);
  });
}
