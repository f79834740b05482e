/** The environment of every expression in Kubernetes 1.36, without variables (k8s.io/apiserver/pkg/cel/environment/base.go). */
import { Environment } from "./environment.ts";
import { kubernetesCallCost } from "./kubernetes-cost.ts";
import { authorizer } from "./library/authorizer.ts";
import { cidr } from "./library/cidr.ts";
import { crossTypeComparison } from "./library/comparison.ts";
import { twoVariableComprehensions } from "./library/comprehensions.ts";
import { ip } from "./library/ip.ts";
import { listNumbers } from "./library/list-numbers.ts";
import { lists } from "./library/lists.ts";
import { namedFormat } from "./library/named-format.ts";
import { optionals } from "./library/optionals.ts";
import { quantity } from "./library/quantity.ts";
import { regex } from "./library/regex.ts";
import { semver } from "./library/semver.ts";
import { sets } from "./library/sets.ts";
import { standardLibrary } from "./library/standard.ts";
import { stringsVersion2 } from "./library/strings.ts";
import { url } from "./library/url.ts";
import { wellKnown } from "./library/well-known.ts";

export const kubernetesEnvironment = new Environment({
  libraries: [
    ...standardLibrary,
    wellKnown,
    url,
    regex,
    listNumbers,
    authorizer,
    crossTypeComparison,
    optionals,
    quantity,
    stringsVersion2,
    sets,
    ip,
    cidr,
    namedFormat,
    twoVariableComprehensions,
    semver,
    lists,
  ],
  strict: true,
  fold: true,
  callCost: kubernetesCallCost,
});
