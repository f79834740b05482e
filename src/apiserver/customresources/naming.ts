/** Which of the names that a definition asks for are its own (apiextensions-apiserver/pkg/controller/status/naming_controller.go). Pure. */
import { conditionOf, withCondition } from "../../api/apiextensions/definition-status.ts";
import { semanticEqual } from "../../api/core/semantic.ts";
import { deepEqual } from "../../api/copy.ts";
import { goQuote } from "../../api/go-quote.ts";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from "../../api/types/apiextensions-v1.gen.ts";

type Names = CustomResourceDefinitionNames;
const inUse = (name: string): string => `${goQuote(name)} is already in use`;

/** The status with the verdict; undefined where nothing changes. `others` are the definitions of the same group. */
export function judgeNames(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: string,
): CustomResourceDefinitionStatus | undefined {
  const wanted = definition.spec.names;
  const accepted = (definition.status?.acceptedNames ?? {}) as Partial<Names>;
  if (semanticEqual(wanted, accepted)) return undefined;
  const resources = new Set<string | undefined>();
  const kinds = new Set<string | undefined>();
  for (const { status } of [...others, definition]) {
    const names = (status?.acceptedNames ?? {}) as Partial<Names>;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) resources.add(name);
    kinds.add(names.kind).add(names.listKind);
  }
  const next: Partial<Names> = { ...accepted };
  let condition: CustomResourceDefinitionCondition = { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" };
  const refuse = (reason: string, message: string): void => {
    condition = { type: "NamesAccepted", status: "False", reason, message };
  };
  const claim = (field: "plural" | "singular" | "kind" | "listKind", used: ReadonlySet<string | undefined>, reason: string): void => {
    const name = wanted[field] ?? "";
    if (name !== (accepted[field] ?? "") && used.has(name)) refuse(reason, inUse(name));
    else next[field] = name;
  };
  claim("plural", resources, "PluralConflict");
  claim("singular", resources, "SingularConflict");
  if (!deepEqual(wanted.shortNames ?? [], accepted.shortNames ?? [])) {
    const taken = (wanted.shortNames ?? []).filter((name) => !accepted.shortNames?.includes(name) && resources.has(name)).map(inUse);
    if (taken.length) refuse("ShortNamesConflict", taken.length === 1 ? (taken[0] as string) : `[${taken.join(", ")}]`);
    else if (wanted.shortNames?.length) next.shortNames = wanted.shortNames;
    else delete next.shortNames;
  }
  claim("kind", kinds, "KindConflict");
  claim("listKind", kinds, "ListKindConflict");
  if (wanted.categories?.length) next.categories = wanted.categories;
  else delete next.categories;
  const names = next as Names;
  if (semanticEqual(accepted, names) && isSame(condition, conditionOf(definition, "NamesAccepted"))) return undefined;
  let conditions = withCondition(definition.status?.conditions, condition, now);
  conditions = withCondition(conditions, establishment(definition, condition.status === "True"), now);
  return { ...definition.status, acceptedNames: names, conditions };
}

const isSame = (a: CustomResourceDefinitionCondition, b: CustomResourceDefinitionCondition | undefined): boolean =>
  b !== undefined && a.status === b.status && a.reason === b.reason && a.message === b.message;

/** Accepted names are served before anybody is told that they are. */
function establishment(definition: CustomResourceDefinition, accepted: boolean): CustomResourceDefinitionCondition {
  const old = conditionOf(definition, "Established");
  if (old?.status === "True") return old;
  if (accepted) return { type: "Established", status: "False", reason: "Installing", message: "the initial names have been accepted" };
  return old ?? { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" };
}
