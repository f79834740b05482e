/** What was allocated for a claim, for whom, and what drivers say of it (pkg/apis/resource/validation). */
import { goQuote } from "../go-quote.ts";
import { validateImmutable } from "../apps/workload.ts";
import { internalForm } from "../core/internal-types.ts";
import { validateNodeSelector } from "../core/node-affinity.ts";
import {
  duplicate,
  duplicateNamed,
  type FieldError,
  forbiddenField,
  invalidValue,
  notSupported,
  type Path,
  path,
  required,
  tooLong,
  tooMany,
} from "../field.ts";
import { formatIP, parseCIDR } from "../ip.ts";
import { validateConditions } from "../meta/conditions.ts";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from "../types/resource-v1.gen.ts";
import { validateSet, validateSlice } from "./collections.ts";
import { validateBindingConditions } from "./device.ts";
import { maxConfigs, maxRequests, type RequestNames, requestNames, validateRequestName, validateRequestNames } from "./device-claim.ts";
import { validateConfiguration, validateRaw } from "./device-config.ts";
import { validateDriver, validateLabel, validatePoolName } from "./device-names.ts";

const maxReserved = 256;
const maxConditions = 8;
const maxIPs = 16;
const at = path("status");

/** One device, or one share of it; a share without a name is the whole. */
export const deviceKey = ({ driver, pool, device, shareID }: { driver: string; pool: string; device: string; shareID?: string }): string =>
  `${driver}/${pool}/${device}${shareID ? `/${shareID}` : ""}`;

/** As upstream shows it. */
const shownDevice = ({ driver, pool, device, shareID = "" }: Parameters<typeof deviceKey>[0]): object => ({
  Driver: driver,
  Pool: pool,
  Device: device,
  ShareID: shareID,
});

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const notNormal = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";
/** github.com/google/uuid reads more than what is normal. */
function validateShare(id: string | undefined, here: Path): FieldError[] {
  if (id === undefined || uuid.test(id)) return [];
  const readable =
    /^(?:urn:uuid:)?[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$|^\{[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\}$|^[\da-f]{32}$/i;
  if (readable.test(id)) return [invalidValue(here, id, notNormal)];
  const length = Buffer.byteLength(id);
  const why = [32, 36, 38, 45].includes(length) ? "invalid UUID format" : `invalid UUID length: ${length}`;
  return [invalidValue(here, id, `error validating uid: ${why}`)];
}

function validateConsumer({ resource, name, uid }: ResourceClaimConsumerReference, here: Path): FieldError[] {
  return Object.entries({ resource, name, uid }).flatMap(([field, value]) => (value ? [] : [required(here.child(field))]));
}

function validateResult(result: DeviceRequestAllocationResult, names: RequestNames, here: Path): FieldError[] {
  return [
    ...validateRequestName(result.request, names, here.child("request")),
    ...validateDriver(result.driver, here.child("driver")),
    ...validatePoolName(result.pool, here.child("pool")),
    ...validateLabel(result.device, here.child("device")),
    ...validateBindingConditions(result, here),
    ...validateShare(result.shareID, here.child("shareID")),
  ];
}
const sources = ["FromClaim", "FromClass"];
function validateConfig(config: DeviceAllocationConfiguration, names: RequestNames, here: Path): FieldError[] {
  const { source } = config;
  const there = here.child("source");
  return [
    ...(source ? (sources.includes(source) ? [] : [notSupported(there, source, sources)]) : [required(there)]),
    ...validateRequestNames(config.requests, names, here.child("requests")),
    ...validateConfiguration(config, here, false),
  ];
}
function validateAllocation({ devices, nodeSelector }: AllocationResult, names: RequestNames, here: Path): FieldError[] {
  const there = here.child("devices");
  return [
    ...validateSlice(devices?.results, maxRequests, (result, of) => validateResult(result, names, of), there.child("results")),
    ...validateSlice(devices?.config, 2 * maxConfigs, (config, of) => validateConfig(config, names, of), there.child("config")),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, false, here.child("nodeSelector")) : []),
  ];
}

function validateAddress(text: string, here: Path): FieldError[] {
  const found = parseCIDR(text);
  if (!found) return [invalidValue(here, text, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)")];
  const canonical = `${formatIP(found.ip.bytes)}/${found.ip.mapped && found.prefix > 32 ? found.prefix - 96 : found.prefix}`;
  return text === canonical ? [] : [invalidValue(here, text, `must be in canonical form (${goQuote(canonical)})`)];
}
function validateNetwork({ interfaceName = "", hardwareAddress = "", ips }: NetworkDeviceData, here: Path): FieldError[] {
  const short = (text: string, max: number, field: string): FieldError[] => (Buffer.byteLength(text) > max ? [tooLong(here.child(field), max)] : []);
  return [
    ...short(interfaceName, 256, "interfaceName"),
    ...short(hardwareAddress, 128, "hardwareAddress"),
    ...validateSet(ips, maxIPs, validateAddress, String, here.child("ips")),
  ];
}
function validateDeviceStatus(status: AllocatedDeviceStatus, allocated: ReadonlySet<string>, here: Path): FieldError[] {
  const { driver, pool, device, shareID, conditions, data, networkData } = status;
  const errors = [
    ...validateDriver(driver, here.child("driver")),
    ...validatePoolName(pool, here.child("pool")),
    ...validateLabel(device, here.child("device")),
    ...validateShare(shareID, here.child("shareID")),
  ];
  if (!allocated.has(deviceKey(status))) errors.push(invalidValue(here, shownDevice(status), "must be an allocated device in the claim"));
  if ((conditions?.length ?? 0) > maxConditions) errors.push(tooMany(here.child("conditions"), conditions.length, maxConditions));
  errors.push(...validateConditions(conditions, here.child("conditions")));
  if (data !== undefined) errors.push(...validateRaw(data, here.child("data"), false));
  return networkData ? [...errors, ...validateNetwork(networkData, here.child("networkData"))] : errors;
}

/** Whoever is added while the claim goes. */
function validateReserved(claim: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { reservedFor = [], allocation } = claim.status;
  const here = at.child("reservedFor");
  if (reservedFor.length === 0) return [];
  if (!allocation) return [forbiddenField(here, "may not be specified when `allocated` is not set")];
  const keyOf = (consumer: ResourceClaimConsumerReference): string => JSON.stringify([consumer.apiGroup, consumer.resource, consumer.name, consumer.uid]);
  const before = new Set((old.status?.reservedFor ?? []).map(keyOf));
  if (!claim.metadata.deletionTimestamp || reservedFor.every((consumer) => before.has(keyOf(consumer)))) return [];
  return [forbiddenField(here, "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set")];
}

export function validateClaimStatus(claim: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { allocation, reservedFor, devices } = claim.status;
  const names = requestNames(claim.spec.devices ?? {});
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceKey));
  const errors = [
    ...validateSet(reservedFor, maxReserved, validateConsumer, ({ uid }) => uid, at.child("reservedFor"), duplicateNamed),
    ...validateSet(
      devices,
      Number.POSITIVE_INFINITY,
      (device, here) => validateDeviceStatus(device, allocated, here),
      deviceKey,
      at.child("devices"),
      (here, _key, device) => duplicate(here, shownDevice(device)),
    ),
    ...validateReserved(claim, old),
  ];
  const before = old.status?.allocation;
  const here = at.child("allocation");
  if (before && allocation) errors.push(...validateImmutable(allocation, before, here, internalForm("AllocationResult", allocation)));
  else if (allocation) errors.push(...validateAllocation(allocation, names, here));
  return errors;
}
