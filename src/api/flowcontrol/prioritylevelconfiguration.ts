/** PriorityLevelConfigurations (pkg/registry/flowcontrol/prioritylevelconfiguration). */
import { age, validateMetadata } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, path, required, invalidNamed } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { LimitedPriorityLevelConfiguration, LimitResponse, PriorityLevelConfiguration, QueuingConfiguration } from "../types/flowcontrol-v1.gen.ts";
import { metadataOf, validateConditionTypes } from "./flow-status.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };
const at = path("spec");
const preserveZero = "flowcontrol.k8s.io/preserve-zero-concurrency-shares";
const maxQueues = 10_000_000;
const maxHashBits = 60;

/** Bits that it takes to deal a hand (k8s.io/apiserver/pkg/util/shufflesharding). */
function requiredEntropyBits(deck: number, hand: number): number {
  let bits = 0;
  for (let i = 0; i < hand; i++) bits += Math.log2(deck - i);
  return Math.ceil(bits);
}

function validateQueuing({ queueLengthLimit = 0, queues = 0, handSize = 0 }: QueuingConfiguration, here: Path): FieldError[] {
  const errors: FieldError[] = queueLengthLimit <= 0 ? [invalidValue(here.child("queueLengthLimit"), queueLengthLimit, "must be positive")] : [];
  if (queues <= 0) errors.push(invalidValue(here.child("queues"), queues, "must be positive"));
  else if (queues > maxQueues) errors.push(invalidValue(here.child("queues"), queues, `must not be greater than ${maxQueues}`));
  const wrong = (why: string): FieldError[] => [...errors, invalidValue(here.child("handSize"), handSize, why)];
  if (handSize <= 0) return wrong("must be positive");
  if (handSize > queues) return wrong(`should not be greater than queues (${queues})`);
  if (requiredEntropyBits(queues, handSize) > maxHashBits)
    return wrong(`required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${maxHashBits}`);
  return errors;
}

function validateResponse({ type = "", queuing }: LimitResponse, here: Path): FieldError[] {
  const inner = here.child("queuing");
  if (type === "Reject") return queuing ? [forbiddenField(inner, "must be nil if limited.limitResponse.type is not Limited")] : [];
  if (type === "Queue") return queuing ? validateQueuing(queuing, inner) : [required(inner, "must not be empty if limited.limitResponse.type is Limited")];
  return [type ? notSupported(here.child("type"), type, ["Queue", "Reject"]) : required(here.child("type"))];
}

type Shares = { nominalConcurrencyShares?: number; lendablePercent?: number };

function validateShares({ nominalConcurrencyShares: shares = 0 }: Shares, here: Path): FieldError[] {
  return shares < 0 ? [invalidValue(here.child("nominalConcurrencyShares"), shares, "must be a non-negative integer")] : [];
}

function validateLendable({ lendablePercent: percent = 0 }: Shares, here: Path): FieldError[] {
  return percent < 0 || percent > 100 ? [invalidValue(here.child("lendablePercent"), percent, "must be between 0 and 100, inclusive")] : [];
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, here: Path): FieldError[] {
  const { borrowingLimitPercent: limit = 0 } = limited;
  const errors = [...validateShares(limited, here), ...validateResponse(limited.limitResponse ?? {}, here.child("limitResponse"))];
  errors.push(...validateLendable(limited, here));
  return limit < 0 ? [...errors, invalidValue(here.child("borrowingLimitPercent"), limit, "if specified, must be a non-negative integer")] : errors;
}

function validateSpec({ metadata, spec }: PriorityLevelConfiguration): FieldError[] {
  const { type = "", limited, exempt } = spec;
  const [limitedPath, exemptPath] = [at.child("limited"), at.child("exempt")];
  const errors: FieldError[] = [];
  if ((metadata.name === "exempt") !== (type === "Exempt"))
    errors.push(invalidNamed(at.child("type"), type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  if (type === "Exempt") {
    if (limited) errors.push(forbiddenField(limitedPath, "must be nil if the type is not Limited"));
    if (exempt) errors.push(...validateShares(exempt, exemptPath), ...validateLendable(exempt, exemptPath));
  } else if (type === "Limited") {
    if (exempt) errors.push(forbiddenField(exemptPath, "must be nil if the type is Limited"));
    errors.push(...(limited ? validateLimited(limited, limitedPath) : [required(limitedPath, "must not be empty when type is Limited")]));
  } else errors.push(type ? notSupported(at.child("type"), type, ["Exempt", "Limited"]) : required(at.child("type")));
  return errors;
}

const catchAll = { type: "Limited", limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } } };

/** The levels without which some requests would have none. */
function validateMandatory({ metadata: { name }, spec }: PriorityLevelConfiguration): FieldError[] {
  if (name === "exempt" && !semanticEqual({ ...spec, exempt: undefined }, { type: "Exempt" }))
    return [invalidValue(at, spec, "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value")];
  if (name === "catch-all" && !semanticEqual(spec, catchAll)) return [invalidValue(at, spec, "spec of 'catch-all' must equal the fixed value")];
  return [];
}

function validate(level: PriorityLevelConfiguration): FieldError[] {
  const errors = validateMetadata(level.metadata, rules);
  if (level.metadata.annotations?.[preserveZero] !== undefined)
    errors.push(forbiddenField(path("metadata", "annotations"), `annotation '${preserveZero}' is forbidden`));
  return [...errors, ...validateSpec(level), ...validateMandatory(level), ...validateConditionTypes(level.status?.conditions)];
}

export const priorityLevelConfigurationKind: Kind<PriorityLevelConfiguration> = {
  resource: "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
  setDefaults(level) {
    level.spec ??= { type: "" };
    const { exempt, limited } = level.spec;
    if (exempt) {
      exempt.nominalConcurrencyShares ??= 0;
      exempt.lendablePercent ??= 0;
    }
    if (!limited) return;
    limited.nominalConcurrencyShares ??= 30;
    limited.lendablePercent ??= 0;
    const queuing = limited.limitResponse?.queuing;
    if (!queuing) return;
    queuing.handSize ||= 8;
    queuing.queues ||= 64;
    queuing.queueLengthLimit ||= 50;
  },
  prepareForCreate(level) {
    level.status = {};
    level.metadata.generation = 1;
  },
  validate,
  prepareForUpdate(level, old) {
    if (!semanticEqual(level.spec, old.spec)) level.metadata.generation = (old.metadata.generation ?? 0) + 1;
    level.status = old.status;
  },
  validateUpdate: validate,
  subresources: {
    status: {
      prepareForUpdate(level, old) {
        level.metadata = metadataOf(level.metadata, old.metadata);
        level.spec = old.spec;
      },
      validateUpdate: (level) => validateConditionTypes(level.status?.conditions),
    },
  },
  cells({ metadata, spec }, now) {
    const queuing = spec.limited?.limitResponse?.queuing;
    return [
      metadata.name,
      spec.type,
      spec.limited ? (spec.limited.nominalConcurrencyShares ?? 0) : "<none>",
      queuing?.queues ?? "<none>",
      queuing?.handSize ?? "<none>",
      queuing?.queueLengthLimit ?? "<none>",
      age({ metadata }, now),
    ];
  },
};
