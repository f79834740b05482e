/** `--feature-gates` of the components in which features can be switched. */
import { featureGates, type GivenGates, parseFeatureGates, switchable } from "../../apiserver/feature-gates.ts";
import type { Flag } from "./flags.ts";

export const gatesFlag: Flag<GivenGates> = {
  type: "colonSeparatedMultimapStringString",
  help: `features to switch: ${[...switchable].join(", ")}, e.g. CBORServingAndStorage=true; the others have their state of Kubernetes v1.36`,
  fallback: new Map(),
  parse(value, before) {
    const given = parseFeatureGates(value, before);
    featureGates(given);
    return given;
  },
  // Features of no component in particular are the default component's.
  write: (given) =>
    [...given]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, state]) => `:${name}=${state}`)
      .join(","),
};
