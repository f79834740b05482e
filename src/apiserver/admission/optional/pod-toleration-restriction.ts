/** Pods get the tolerations of their namespace, and no others than it allows (plugin/pkg/admission/podtolerationrestriction). */
import { podQos } from "../../../api/core/pod-qos.ts";
import { validateTolerations } from "../../../api/core/tolerations.ts";
import { path } from "../../../api/field.ts";
import type { JSONValue } from "../../../api/json.ts";
import { notFound, StatusError } from "../../../api/status.ts";
import type { Namespace, Pod, Toleration } from "../../../api/types/core-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import { type ConfigurationKind, ConfigurationError, decodeConfiguration, decodeValue } from "../../configuration-file.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { concerns } from "../refuse.ts";
import { allowedTolerations, mergeTolerations } from "../tolerations.ts";

/** For namespaces that say nothing themselves. */
export interface ClusterTolerations {
  default?: Toleration[];
  whitelist?: Toleration[];
}

const toleration = {
  go: "v1.Toleration",
  fields: { key: "string", operator: "string", value: "string", effect: "string", tolerationSeconds: "int64" },
} as const;
const kind: ConfigurationKind = {
  kind: "Configuration",
  versions: ["podtolerationrestriction.admission.k8s.io/v1alpha1"],
  fields: { default: { list: toleration }, whitelist: { list: toleration } },
};

/** Throws ConfigurationError. */
export function readPodTolerationRestriction(text: string): ClusterTolerations {
  const read = decodeConfiguration<ClusterTolerations>(text, kind);
  const at = path("podtolerationrestriction");
  const wrong = (["default", "whitelist"] as const).flatMap((list) => validateTolerations(read[list], at.child(list), {}));
  if (wrong.length) throw new ConfigurationError(`invalid config: [${wrong.map(({ field, body }) => `${field}: ${body}`).join(" ")}]`);
  return read;
}

const defaults = "scheduler.alpha.kubernetes.io/defaultTolerations";
const whitelist = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
const memoryPressure: Toleration = { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" };

const plainError = (message: string): StatusError => new StatusError({ code: 500, message });

/** Of an annotation: undefined where the namespace says nothing. */
function tolerationsOf({ metadata }: Namespace, annotation: string): Toleration[] | undefined {
  const text = metadata.annotations?.[annotation];
  if (!text) return text === undefined ? undefined : [];
  try {
    return decodeValue<Toleration[]>(JSON.parse(text) as JSONValue, { list: toleration });
  } catch (error) {
    throw plainError(`${metadata.name}: annotation ${annotation}: ${(error as Error).message}`);
  }
}

export function podTolerationRestriction({ reader, cluster = {} }: { reader: Reader; cluster?: ClusterTolerations }): AdmissionPlugin {
  const namespaceOf = ({ namespace }: AdmissionAttributes): Namespace => {
    const found = reader.get<Namespace>("namespaces", "", namespace);
    if (!found) throw notFound("namespaces", namespace);
    return found;
  };
  const concerned = (attributes: AdmissionAttributes): boolean => concerns(attributes, "pods");
  return {
    name: "PodTolerationRestriction",
    mutate(attributes) {
      if (!concerned(attributes)) return;
      const { spec } = attributes.object as Pod;
      const extra = attributes.operation === "CREATE" ? [...(tolerationsOf(namespaceOf(attributes), defaults) ?? cluster.default ?? [])] : [];
      if (podQos(attributes.object as Pod) !== "BestEffort") extra.push(memoryPressure);
      if (extra.length) spec.tolerations = mergeTolerations(spec.tolerations ?? [], extra);
    },
    validate(attributes) {
      if (!concerned(attributes)) return;
      const { tolerations = [] } = (attributes.object as Pod).spec;
      if (!tolerations.length) return;
      const own = tolerationsOf(namespaceOf(attributes), whitelist);
      if (allowedTolerations(tolerations, own ?? cluster.whitelist ?? [])) return;
      const whose = own ? "namespace" : "cluster";
      throw plainError(`pod tolerations (possibly merged with namespace default tolerations) conflict with its ${whose} whitelist`);
    },
  };
}
