/** What a claim asks for (pkg/apis/resource/validation, validateDeviceClaim). */
import { type FieldError, invalidValue, notSupported, type Path, required } from "../field.ts";
import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
} from "../types/resource-v1.gen.ts";
import { validateSet, validateSlice } from "./collections.ts";
import { validateConfiguration, validateSelectors } from "./device-config.ts";
import { validateFullyQualified, validateLabel, validateSubdomain } from "./device-names.ts";
import { validateDeviceToleration } from "./device-taint.ts";

export const maxRequests = 32;
export const maxConfigs = 32;
const maxConstraints = 32;
const maxAlternatives = 8;
const maxTolerations = 16;

/** Of requests, with those of their alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;
export const requestNames = ({ requests }: DeviceClaim): RequestNames =>
  new Map((requests ?? []).map(({ name, firstAvailable }) => [name, new Set((firstAvailable ?? []).map((alternative) => alternative.name))]));

const unknownRequest = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
/** `request` or `request/alternative`. */
export function validateRequestName(name: string, names: RequestNames, at: Path): FieldError[] {
  const [request = "", alternative, ...more] = name.split("/");
  if (more.length) return [invalidValue(at, name, unknownRequest)];
  const errors = name.split("/").flatMap((part) => validateLabel(part, at));
  const alternatives = names.get(request);
  if (!alternatives || (alternative !== undefined && !alternatives.has(alternative))) errors.push(invalidValue(at, name, unknownRequest));
  return errors;
}
export const validateRequestNames = (requests: readonly string[] | undefined, names: RequestNames, at: Path): FieldError[] =>
  validateSet(requests, maxRequests, (name, here) => validateRequestName(name, names, here), String, at);

const modes = ["All", "ExactCount"];
function validateMode({ allocationMode = "", count = 0 }: ExactDeviceRequest | DeviceSubRequest, at: Path): FieldError[] {
  if (!modes.includes(allocationMode)) return [notSupported(at.child("allocationMode"), allocationMode, modes)];
  const here = at.child("count");
  if (allocationMode === "All") return count ? [invalidValue(here, count, "must not be specified when allocationMode is 'All'")] : [];
  return count > 0 ? [] : [invalidValue(here, count, "must be greater than zero")];
}

function validateExact(request: ExactDeviceRequest | DeviceSubRequest, at: Path): FieldError[] {
  const { deviceClassName, selectors, tolerations } = request;
  const name = at.child("deviceClassName");
  return [
    ...(deviceClassName ? validateSubdomain(deviceClassName, name) : [required(name)]),
    ...validateSelectors(selectors, at.child("selectors")),
    ...validateMode(request, at),
    ...validateSlice(tolerations, maxTolerations, validateDeviceToleration, at.child("tolerations")),
  ];
}

function validateRequest({ name, exactly, firstAvailable = [] }: DeviceRequest, at: Path): FieldError[] {
  const errors = validateLabel(name, at.child("name"));
  if (!exactly && !firstAvailable.length) errors.push(required(at, "exactly one of `exactly` or `firstAvailable` is required"));
  else if (exactly && firstAvailable.length)
    errors.push(invalidValue(at, null, "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"));
  else if (exactly) errors.push(...validateExact(exactly, at.child("exactly")));
  else
    errors.push(
      ...validateSet(
        firstAvailable,
        maxAlternatives,
        (alternative, here) => [...validateLabel(alternative.name, here.child("name")), ...validateExact(alternative, here)],
        (alternative) => alternative.name,
        at.child("firstAvailable"),
      ),
    );
  return errors;
}

function validateConstraint({ requests, matchAttribute, distinctAttribute }: DeviceConstraint, names: RequestNames, at: Path): FieldError[] {
  const errors = validateRequestNames(requests, names, at.child("requests"));
  if (matchAttribute !== undefined) errors.push(...validateFullyQualified(matchAttribute, at.child("matchAttribute")));
  else if (distinctAttribute !== undefined) errors.push(...validateFullyQualified(distinctAttribute, at.child("distinctAttribute")));
  else errors.push(required(at, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'));
  return errors;
}
const validateConfig = (config: DeviceClaimConfiguration, names: RequestNames, at: Path): FieldError[] => [
  ...validateRequestNames(config.requests, names, at.child("requests")),
  ...validateConfiguration(config, at, false),
];

export function validateDeviceClaim(claim: DeviceClaim, at: Path): FieldError[] {
  const names = requestNames(claim);
  return [
    ...validateSet(claim.requests, maxRequests, validateRequest, ({ name }) => name, at.child("requests")),
    ...validateSlice(claim.constraints, maxConstraints, (constraint, here) => validateConstraint(constraint, names, here), at.child("constraints")),
    ...validateSlice(claim.config, maxConfigs, (config, here) => validateConfig(config, names, here), at.child("config")),
  ];
}

/** pkg/apis/resource/v1/defaults.go. */
export function defaultDeviceClaim({ requests }: DeviceClaim): void {
  for (const request of requests ?? [])
    for (const exact of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (!exact) continue;
      exact.allocationMode ||= "ExactCount";
      if (exact.allocationMode === "ExactCount" && !exact.count) exact.count = 1;
      defaultTolerations(exact.tolerations);
    }
}

export function defaultTolerations(tolerations: DeviceToleration[] | undefined): void {
  for (const toleration of tolerations ?? []) toleration.operator ||= "Equal";
}
