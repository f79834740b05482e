/** Nothing is created in a namespace that is missing or going away (k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle). */
import { goQuote } from "../../api/go-quote.ts";
import { isPathSegmentName } from "../../api/names.ts";
import { forbidden, internalError, notFound } from "../../api/status.ts";
import type { Namespace } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { refuse } from "./refuse.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);
/** How long a create waits for its namespace to appear, milliseconds. */
const patience = 50;

export function namespaceLifecycle({ reader, clock }: { reader: Reader; clock: Clock }): AdmissionPlugin {
  const check = (attributes: AdmissionAttributes, namespace: Namespace): void => {
    if (attributes.operation !== "CREATE" || namespace.status?.phase !== "Terminating") return;
    const error = refuse(attributes, `unable to create new content in namespace ${attributes.namespace} because it is being terminated`);
    error.status.details = {
      ...error.status.details,
      causes: [{ reason: "NamespaceTerminating", message: `namespace ${attributes.namespace} is being terminated`, field: "metadata.namespace" }],
    };
    throw error;
  };
  const find = (name: string): Namespace | undefined => reader.get<Namespace>("namespaces", "", name);
  const wait = async (attributes: AdmissionAttributes): Promise<void> => {
    // What was not found is asked for through a client, which refuses such a name in words of its own.
    const wrong = isPathSegmentName(attributes.namespace);
    if (wrong.length) throw internalError(`invalid resource name ${goQuote(attributes.namespace)}: [${wrong.join(" ")}]`);
    await clock.sleep(patience, attributes.request.signal);
    const namespace = find(attributes.namespace);
    if (!namespace) throw notFound("namespaces", attributes.namespace);
    check(attributes, namespace);
  };
  return {
    name: "NamespaceLifecycle",
    mutate(attributes) {
      const { operation, resource, namespace } = attributes;
      if (resource.group === "" && resource.resource === "namespaces") {
        if (operation === "DELETE" && immortal.has(attributes.name)) throw forbidden("namespaces", attributes.name, "this namespace may not be deleted");
        return;
      }
      if (!namespace || operation === "DELETE") return;
      if (resource.group === "authorization.k8s.io" && resource.resource === "localsubjectaccessreviews") return;
      const found = find(namespace);
      if (found) return check(attributes, found);
      if (operation === "CREATE") return wait(attributes);
      throw notFound("namespaces", namespace);
    },
  };
}
