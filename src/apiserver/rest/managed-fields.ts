/** Who manages which field, kept on every write (k8s.io/apimachinery/pkg/util/managedfields). */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { shapeErrors, shapeText } from "../../api/apply/fields-of.ts";
import { managedAfter, type Operation, Unconvertible } from "../../api/apply/managed-fields.ts";
import { type ObjectType, wholeAtom } from "../../api/apply/atom.ts";
import { KnownSets } from "../../api/apply/known-sets.ts";
import { encodeJSON } from "../../api/codec/json.ts";
import { deepEqual } from "../../api/copy.ts";
import { semanticEqual } from "../../api/core/semantic.ts";
import { goQuote } from "../../api/go-quote.ts";
import type { JSONObject } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { typeOfKind } from "../../api/schema/schema.ts";
import { StatusError } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { ManagedFieldsEntry } from "../../api/types/meta-v1.gen.ts";
import type { Comparison } from "../metrics/rest.ts";
import type { Call, CustomConverter, Endpoint } from "./call.ts";
import { hasStatus } from "./strategy.ts";
import { table } from "../../base/table.ts";

/** What the strategies of these kinds take away on the way in through `status`, besides spec. */
const statusResets = table<readonly string[]>({
  pods: ["spec", "metadata.deletionTimestamp", "metadata.ownerReferences"],
  "certificatesigningrequests.certificates.k8s.io": ["spec", "status.conditions"],
  "deployments.apps": ["spec", "metadata.labels"],
  "flowschemas.flowcontrol.apiserver.k8s.io": ["spec", "metadata"],
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": ["spec", "metadata"],
  "servicecidrs.networking.k8s.io": ["spec", "metadata"],
  "resourceclaims.resource.k8s.io": ["spec", "metadata"],
  "volumeattachments.storage.k8s.io": ["spec", "metadata"],
  "apiservices.apiregistration.k8s.io": ["spec", "metadata"],
  "validatingadmissionpolicies.admissionregistration.k8s.io": ["spec", "metadata"],
});

const signingRequests = "certificatesigningrequests.certificates.k8s.io";

/** What ownership of fields goes by. */
export const objectTypeOf = ({ custom, type }: Endpoint): ObjectType => (custom ? custom.objectType : type);

function resetFields(endpoint: Endpoint, subresource: string): readonly string[] {
  if (endpoint.custom && subresource === "status") return ["spec", "metadata"];
  if (subresource === "status") return statusResets[endpoint.groupResource] ?? ["spec"];
  // These take away more than their storage says.
  if (subresource === "scale" || subresource === "ephemeralcontainers" || subresource === "resize") return [];
  if (subresource === "approval") return ["spec", "status.certificate"];
  if (endpoint.groupResource === signingRequests) return ["spec", "status"];
  return hasStatus(endpoint) ? ["status"] : [];
}

const knownSets = new KnownSets();

type Convert = NonNullable<Operation["convert"]>;

/** What it takes to say who owns what. */
export type Writing = Pick<Call, "rest" | "endpoint"> & { info: Pick<Call["info"], "subresource"> };

export function operationOf(call: Writing, manager: string, convert: Convert, dryRun = false): Operation {
  const { endpoint, info, rest } = call;
  const operation: Operation = {
    manager,
    kind: endpoint.def.kind,
    dryRun,
    apiVersion: endpoint.apiVersion,
    subresource: info.subresource,
    time: formatTime(rest.clock.now()),
    resetFields: resetFields(endpoint, info.subresource),
    changeable: endpoint.custom !== undefined,
    convert,
    knownSets: endpoint.hubKind.knownSpecs && knownSets,
  };
  if (endpoint.custom && info.subresource === "status")
    operation.resetsIn = (apiVersion) => (endpoint.versions?.get(apiVersion)?.hasStatus ? ["spec", "metadata"] : []);
  return operation;
}

/** Of a kind that is built in: the core group knows no types of others and they none of its own, and nobody those that are not served. */
const knowsVersion = ({ rest, endpoint: { apiVersion: own, def } }: Pick<Call, "rest" | "endpoint">, apiVersion: string): boolean =>
  own.includes("/") === apiVersion.includes("/") && rest.endpointOfKind(apiVersion, def.kind) !== undefined;

/** Objects are given in the served version; undefined for a version that nobody knows. */
function inVersion(call: Pick<Call, "rest" | "endpoint">, object: JSONObject, apiVersion: string): ReturnType<NonNullable<Operation["convert"]>> {
  const { endpoint } = call;
  const { conversion, hubApiVersion } = endpoint;
  const given = object as unknown as KubeObject;
  if (apiVersion === object.apiVersion) return { type: objectTypeOf(endpoint), object };
  if (endpoint.custom) return inCustomVersion(endpoint, object, apiVersion);
  if (apiVersion === endpoint.apiVersion) {
    const own = object.apiVersion === hubApiVersion && conversion ? conversion.fromHub(given) : given;
    return { type: objectTypeOf(endpoint), object: { ...(own as unknown as JSONObject), apiVersion } };
  }
  if (!knowsVersion(call, apiVersion)) return undefined;
  if (apiVersion === hubApiVersion && conversion)
    return { type: endpoint.hubType, object: { ...(conversion.toHub(given) as unknown as JSONObject), apiVersion } };
  const type = typeOfKind(apiVersion, endpoint.def.kind);
  return type && { type, object: { ...object, apiVersion } };
}

/** Throws Unconvertible for what does not have the shape of the version: nothing is taken away for it. */
function fitted({ objectType: type }: CustomVersion, object: JSONObject): { type: ObjectType; object: JSONObject } {
  const errors = shapeErrors(object, wholeAtom(type));
  if (errors.length) throw new Unconvertible(shapeText(errors));
  return { type, object };
}

/** Where they are converted by nobody, versions of a custom resource differ in their names. */
function inCustomVersion({ versions }: Endpoint, object: JSONObject, apiVersion: string): ReturnType<NonNullable<Operation["convert"]>> {
  const version = versions?.get(apiVersion);
  if (!version) throw new Unconvertible(`request to convert CR to an invalid group/version: ${apiVersion}`);
  return fitted(version, { ...object, apiVersion });
}

/** Thrown for a conversion that a webhook has not been asked for yet. */
class Unasked extends Error {
  readonly key: string;
  readonly object: KubeObject;
  readonly version: CustomVersion;
  constructor(key: string, object: KubeObject, version: CustomVersion) {
    super();
    this.key = key;
    this.object = object;
    this.version = version;
  }
}

/**
 * What `work` gives, which looks at objects in the versions of others' entries and changes nothing. Where a webhook converts, it is
 * done again after each answer that it turned out to want, a refusal among them.
 */
export function inVersions<T>(call: Pick<Call, "rest" | "endpoint">, work: (convert: Convert) => T): T | Promise<T> {
  const { endpoint } = call;
  const { converter } = endpoint;
  const here: Convert = (object, apiVersion) => inVersion(call, object, apiVersion);
  return converter && !converter.now ? asked(call, converter, here, work) : work(here);
}

/** Where all of its metadata was given up, the webhook is shown none. */
function withoutManagers(object: JSONObject): JSONObject {
  if (!object.metadata) return object;
  const { managedFields: _, ...metadata } = object.metadata as JSONObject;
  return { ...object, metadata };
}

async function asked<T>(
  { rest, endpoint }: Pick<Call, "rest" | "endpoint">,
  converter: CustomConverter,
  here: Convert,
  work: (convert: Convert) => T,
): Promise<T> {
  const { versions, apiVersion: own, groupResource } = endpoint;
  const answers = new Map<string, JSONObject | StatusError>();
  const convert: Convert = (object, apiVersion) => {
    const version = versions?.get(apiVersion);
    // What is created comes from nothing, which there is in every version.
    if (!version || apiVersion === object.apiVersion || object.kind === undefined) return here(object, apiVersion);
    // By way of the version of the request.
    if (object.apiVersion !== own && apiVersion !== own) return convert((convert(object, own) as { object: JSONObject }).object, apiVersion);
    const bare = withoutManagers(object);
    const key = `${apiVersion} ${Buffer.from(encodeJSON(bare)).toString()}`;
    const answer = answers.get(key);
    if (!answer) throw new Unasked(key, bare as unknown as KubeObject, version);
    if (answer instanceof StatusError) throw new Unconvertible(answer.message);
    return fitted(version, answer);
  };
  for (;;) {
    try {
      return work(convert);
    } catch (error) {
      if (!(error instanceof Unasked)) throw error;
      const { key, object, version } = error;
      const answer = await converter.convert([object], version).then(
        ([converted]) => converted as unknown as JSONObject,
        (failure: unknown) => {
          if (!(failure instanceof StatusError)) throw failure;
          rest.logger.error("no owners of fields: their version could not be converted", {
            resource: groupResource,
            name: object.metadata?.name,
            error: failure.message,
          });
          return failure;
        },
      );
      answers.set(key, answer);
    }
  }
}

/**
 * Sets metadata.managedFields of `object`, which is in the stored version, for a write of `manager` over `old`. To be awaited where a
 * webhook converts; nobody owns anything after one that did not answer.
 */
export function trackWrite(call: Writing, object: KubeObject, old: KubeObject | undefined, manager: string, dryRun = false): Promise<void> | undefined {
  const { endpoint } = call;
  const view = (hub: KubeObject): JSONObject => (endpoint.conversion ? endpoint.conversion.fromHub(hub) : hub) as unknown as JSONObject;
  const set = (managed: ManagedFieldsEntry[]): void => {
    if (managed.length) object.metadata.managedFields = managed;
    else delete object.metadata.managedFields;
  };
  const managed = inVersions(call, (convert) =>
    managedAfter(objectTypeOf(endpoint), old && view(old), view(object), operationOf(call, manager, convert, dryRun)),
  );
  if (!(managed instanceof Promise)) return void set(managed);
  return managed.then(set);
}

/** After admission: what it made of the managed fields stays where they are valid (k8s.io/apimachinery/pkg/util/managedfields/internal/validation.go). */
export function keepManagedFields(call: Call, object: KubeObject, before: ManagedFieldsEntry[] | undefined): void {
  const wrong = invalidEntry(object.metadata.managedFields ?? []);
  if (wrong === undefined) return;
  if (before) object.metadata.managedFields = before;
  else delete object.metadata.managedFields;
  const advice = "this could be caused by an outdated mutating admission controller; please fix your requests";
  call.warn(`.metadata.managedFields was in an invalid state after admission; ${advice}: ${wrong}`);
}

function invalidEntry(entries: readonly ManagedFieldsEntry[]): string | undefined {
  for (const [i, { operation = "", fieldsType = "", apiVersion = "" }] of entries.entries()) {
    if (operation !== "Apply" && operation !== "Update") return "operation must be `Apply` or `Update`";
    if (!apiVersion) return "apiVersion must not be empty";
    if (!fieldsType) return `missing fieldsType in managed fields entry ${i}`;
    if (fieldsType !== "FieldsV1") return `invalid fieldsType ${goQuote(fieldsType)} in managed fields entry ${i}`;
  }
  return undefined;
}

/** An update that changes nothing but the times of managed fields changes nothing. */
export function keepTimesOfNoChange({ rest }: Call, object: KubeObject, old: KubeObject): void {
  const began = rest.clock.monotonic();
  const outcome = compareWithoutTimes(object, old);
  if (outcome === "equal_objects") object.metadata.managedFields = old.metadata.managedFields;
  rest.compared(outcome, (rest.clock.monotonic() - began) / 1000);
}
function compareWithoutTimes(object: KubeObject, old: KubeObject): Comparison {
  const now = object.metadata.managedFields;
  const before = old.metadata.managedFields;
  if (!now || !before || now.length !== before.length || now.every(({ time }, i) => time === before[i]?.time)) return "unequal_objects_fast";
  const without = (value: KubeObject): object => ({ ...value, metadata: { ...value.metadata, managedFields: undefined } });
  const same = now.every((entry, i) => deepEqual({ ...entry, time: undefined }, { ...before[i], time: undefined }));
  if (!same) return "unequal_objects_fast";
  return semanticEqual(without(object), without(old)) ? "equal_objects" : "unequal_objects_slow";
}
