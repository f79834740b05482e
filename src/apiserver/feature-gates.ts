/**
 * Features by name (`--feature-gates`; k8s.io/component-base/featuregate): upstream's of v1.36 with their stages and defaults
 * (feature-gates.json). A feature may be given the state that it has; another one only where both are implemented here.
 */
import { readFileSync } from "node:fs";
import { goQuote } from "../api/go-quote.ts";
import { parseGoBool } from "../api/go-bool.ts";
import { table, own } from "../base/table.ts";

interface Gate {
  stage: "ALPHA" | "BETA" | "GA" | "DEPRECATED";
  on: boolean;
  /** Cannot be switched in upstream either. */
  locked?: true;
  /** On by default in upstream and not implemented here: what is there instead. */
  lacks?: string;
  /** Features without which it cannot be on. */
  needs?: string[];
}
const known = JSON.parse(readFileSync(new URL("./feature-gates.json", import.meta.url), "utf8")) as Record<string, Gate>;

/** Those that can be switched here. */
export const switchable: ReadonlySet<string> = new Set(["CBORServingAndStorage", "ClusterTrustBundle"]);

/** What the flag says, the last of each name. */
export type GivenGates = ReadonlyMap<string, boolean>;

/** `before` is what an earlier use of the flag gave. Throws an Error in upstream's words. */
export function parseFeatureGates(text: string, before?: GivenGates): GivenGates {
  const given = new Map(before);
  for (const pair of text.split(",").filter(Boolean)) {
    const equals = pair.indexOf("=");
    const full = (equals < 0 ? pair : pair.slice(0, equals)).trim();
    const colon = full.indexOf(":");
    if (colon >= 0 && full.slice(0, colon) !== "kube") throw new Error(`component not registered: ${full.slice(0, colon)}`);
    const name = full.slice(colon + 1);
    if (equals < 0) throw new Error(`missing bool value for ${name}`);
    const value = pair.slice(equals + 1).trim();
    const state = parseGoBool(value);
    if (state === undefined) throw new Error(`invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${goQuote(value)}: invalid syntax`);
    given.set(name, state);
  }
  return given;
}

const words: Readonly<Record<Gate["stage"], string>> = { ALPHA: "alpha", BETA: "beta", GA: "stable", DEPRECATED: "deprecated" };
const groups = table<Gate["stage"]>({ AllAlpha: "ALPHA", AllBeta: "BETA" });

/** Whether each feature is on. Throws an Error that names all that is wrong: in upstream's words where upstream refuses it too. */
export function featureGates(given: GivenGates): (name: string) => boolean {
  const states = new Map(Object.entries(known).map(([name, { on }]) => [name, on]));
  const problems: string[] = [];
  for (const [name, state] of given) {
    const gate = own(known, name);
    if (!gate) throw new Error(`unrecognized feature gate: ${name}`);
    const stage = groups[name];
    if (gate.on === state && !stage) continue;
    if (gate.locked) problems.push(`cannot set feature gate ${name} to ${state}, feature is locked to ${gate.on}`);
    else if (stage) {
      const missing = Object.keys(known).filter(
        (one) => !groups[one] && known[one]?.stage === stage && known[one]?.on !== state && !switchable.has(one) && !given.has(one),
      );
      if (missing.length) problems.push(`${name}=${state} would switch features that k8ts does not switch: ${missing.join(", ")}`);
      else for (const [one, { stage: own }] of Object.entries(known)) if (own === stage && !given.has(one)) states.set(one, state);
    } else if (!switchable.has(name)) problems.push(refusal(name, gate));
    states.set(name, state);
  }
  if (problems.length === 0)
    for (const [name, { needs = [] }] of Object.entries(known)) {
      const off = states.get(name) ? needs.filter((one) => !states.get(one)) : [];
      if (off.length) problems.push(`${name} is enabled, but depends on features that are disabled: [${off.join(" ")}]`);
    }
  if (problems.length) throw new Error(problems.join("; "));
  return (name) => states.get(name) ?? false;
}

const refusal = (name: string, { stage, on, lacks }: Gate): string =>
  on
    ? lacks
      ? `${name} cannot be switched off: k8ts does not have what it switches (${lacks})`
      : `${name} cannot be switched off: it is ${words[stage]} and on by default in Kubernetes v1.36, and k8ts always has it on`
    : `${name} cannot be switched on: it is ${words[stage]} and off by default in Kubernetes v1.36, and k8ts does not implement it`;

export interface FeatureState {
  name: string;
  /** "" where it is stable: so upstream's metric has it. */
  stage: string;
  on: boolean;
}
/** Of each feature. @default `isOn`: upstream's defaults */
export const featureStates = (isOn: (name: string) => boolean = (name) => known[name]?.on ?? false): FeatureState[] =>
  Object.entries(known).map(([name, { stage }]) => ({ name, stage: stage === "GA" ? "" : stage, on: isOn(name) }));

/** For documentation: each feature with its stage, its default, whether it can be switched here and in upstream, and what it lacks. */
export const gatesTable = (): { name: string; stage: string; on: boolean; locked: boolean; switchable: boolean; lacks?: string }[] =>
  Object.entries(known).map(([name, { stage, on, locked, lacks }]) => ({
    ...{ name, stage: words[stage], on, locked: locked === true, switchable: switchable.has(name) },
    ...(lacks ? { lacks } : {}),
  }));
