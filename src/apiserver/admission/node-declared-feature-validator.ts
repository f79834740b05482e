/** A pod that is bound becomes only what its node can do (plugin/pkg/admission/nodedeclaredfeatures, KEP-5328). */
import { goQuote } from "../../api/go-quote.ts";
import { requiredToBecome, undeclared } from "../../api/core/declared-features.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";

export function nodeDeclaredFeatureValidator({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "NodeDeclaredFeatureValidator",
    validate(attributes) {
      if (!concerns(attributes, "pods", "resize")) return;
      const { metadata, spec } = attributes.object as Pod;
      const old = attributes.old as Pod;
      if (!spec.nodeName || old.metadata.generation === metadata.generation) return;
      const required = requiredToBecome(old.spec, spec);
      if (!required.length) return;
      const node = reader.get<Node>("nodes", "", spec.nodeName);
      if (!node) throw refuse(attributes, `node ${goQuote(spec.nodeName)} not found`);
      const missing = undeclared(required, node.status?.declaredFeatures);
      if (missing.length)
        throw refuse(attributes, `pod update requires features ${missing.join(", ")} which are not available on node ${goQuote(node.metadata.name)}`);
    },
  };
}
