/** Which APIs and features the control plane of `k8ts up` has, by kube-apiserver's flags for them. */
import type { AssembleOptions } from "../apiserver/assemble.ts";
import { featureGates, parseFeatureGates } from "../apiserver/feature-gates.ts";
import { parseRuntimeConfig, servedResources, withoutFlowControl } from "../apiserver/runtime-config.ts";
import { apiVersionOf, allResources } from "../api/schema/schema.ts";
import type { ServingFlags } from "./settings.ts";

/** Also what those controllers need to know that stand behind a feature: they start where their resource is served. */
export interface Serving extends Pick<AssembleOptions, "resources" | "cbor"> {
  features(gate: string): boolean;
  controllerFeatures(gate: string): boolean;
}

/** Throws an Error that names the flag and all that is wrong with it. */
export function servingFrom({ runtimeConfig = "", featureGates: gates = "" }: ServingFlags): Serving {
  const of = <T>(flag: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw new Error(`${flag}: ${(error as Error).message}`, { cause: error });
    }
  };
  const isOn = of("--feature-gates", () => featureGates(parseFeatureGates(gates)));
  const config = parseRuntimeConfig(runtimeConfig);
  if (withoutFlowControl(config)) throw new Error("--runtime-config: flowcontrol.apiserver.k8s.io/v1 cannot be left out, requests wait by its objects");
  const resources = of("--runtime-config", () => servedResources(config, isOn));
  const served = new Set(resources.map(({ group, version, resource }) => `${apiVersionOf(group, version)}/${resource}`));
  const isServed = (gate: string): boolean =>
    allResources.some((def) => def.gate === gate && served.has(`${apiVersionOf(def.group, def.version)}/${def.resource}`));
  return { resources, cbor: isOn("CBORServingAndStorage"), features: isOn, controllerFeatures: (gate) => isOn(gate) && isServed(gate) };
}
