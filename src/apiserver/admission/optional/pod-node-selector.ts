/** Pods go to the nodes that their namespace asks for (plugin/pkg/admission/podnodeselector). */
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { parseYAML } from "../../../api/codec/yaml.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { JSONObject } from "../../../api/json.ts";
import { isQualifiedName, isValidLabelValue } from "../../../api/names.ts";
import { forbidden, notFound, StatusError } from "../../../api/status.ts";
import type { Namespace, Pod } from "../../../api/types/core-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import { ConfigurationError } from "../../configuration-file.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { concerns } from "../refuse.ts";

/** By namespace: the labels that its pods may select nodes by; as `key=value,...`. One key is for namespaces without a selector. */
export type NodeSelectors = Readonly<Record<string, string>>;

const annotation = "scheduler.alpha.kubernetes.io/node-selector";
const forOthers = "clusterDefaultNodeSelector";
const section = "podNodeSelectorPluginConfig";

/** Throws ConfigurationError. */
export function readPodNodeSelector(text: string): NodeSelectors {
  let value: unknown;
  try {
    ({ value } = parseYAML(text));
  } catch (error) {
    if (error instanceof DecodeError) throw new ConfigurationError(error.message);
    throw error;
  }
  const given = (value as JSONObject | null)?.[section] ?? {};
  if (typeof given !== "object" || Array.isArray(given)) throw new ConfigurationError(`${section}: must be a map of namespaces to selectors`);
  for (const [name, selector] of Object.entries(given)) {
    if (typeof selector !== "string") throw new ConfigurationError(`${section}.${name}: must be text such as "env=test,zone=a"`);
    labelsOf(selector);
  }
  return given as NodeSelectors;
}

/** Throws an Error with upstream's words. */
function labelsOf(selector: string): Map<string, string> {
  const labels = new Map<string, string>();
  for (const part of selector ? selector.split(",") : []) {
    const sides = part.split("=");
    if (sides.length !== 2) throw new Error(`invalid selector: [${sides.join(" ")}]`);
    const [key, value] = sides.map((side) => side.trim()) as [string, string];
    const wrongKey = isQualifiedName(key);
    if (wrongKey.length) throw new Error(`<nil>: Invalid value: ${goQuote(key)}: ${wrongKey.join("; ")}`);
    const wrongValue = isValidLabelValue(value);
    if (wrongValue.length) throw new Error(`[${key}]: Invalid value: ${goQuote(value)}: ${wrongValue.join("; ")}`);
    labels.set(key, value);
  }
  return labels;
}

const conflict = "pod node label selector conflicts with its namespace node label selector";
const outside = "pod node label selector labels conflict with its namespace whitelist";

export function podNodeSelector({ reader, selectors = {} }: { reader: Reader; selectors?: NodeSelectors }): AdmissionPlugin {
  const ofNamespace = (name: string): Map<string, string> => {
    const namespace = reader.get<Namespace>("namespaces", "", name);
    if (!namespace) throw notFound("namespaces", name);
    return labelsOf(namespace.metadata.annotations?.[annotation] ?? selectors[forOthers] ?? "");
  };
  /** What the namespace asks for. */
  const check = ({ namespace, object, name }: AdmissionAttributes): Map<string, string> => {
    const { metadata, spec } = object as Pod;
    const refuse = (why: string): StatusError => forbidden("pods", metadata.name ?? name, why);
    try {
      const wanted = ofNamespace(namespace);
      const asked = Object.entries(spec.nodeSelector ?? {});
      if (asked.some(([key, value]) => (wanted.get(key) ?? value) !== value)) throw refuse(conflict);
      return wanted;
    } catch (error) {
      throw error instanceof StatusError ? error : new StatusError({ code: 500, message: (error as Error).message });
    }
  };
  const concerned = (attributes: AdmissionAttributes): boolean => concerns(attributes, "pods");
  return {
    name: "PodNodeSelector",
    mutate(attributes) {
      if (!concerned(attributes)) return;
      const { spec } = attributes.object as Pod;
      const merged = { ...Object.fromEntries(check(attributes)), ...spec.nodeSelector };
      if (Object.keys(merged).length) spec.nodeSelector = merged;
    },
    validate(attributes) {
      if (!concerned(attributes)) return;
      check(attributes);
      const { metadata, spec } = attributes.object as Pod;
      const allowed = labelsOf(selectors[attributes.namespace] ?? "");
      if (allowed.size && Object.entries(spec.nodeSelector ?? {}).some(([key, value]) => allowed.get(key) !== value))
        throw forbidden("pods", metadata.name ?? "", outside);
    },
  };
}
