/** The policies of one kind with their bindings, compiled when a request first meets them, as the cache holds them now. */
import type { PolicyBinding } from "../../../api/admissionregistration/binding.ts";
import type { PolicySpec } from "../../../api/admissionregistration/policy.ts";
import type { KubeObject } from "../../../api/object.ts";
import type { MatchResources } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import { type ParsedSelector, parsedSelector } from "../matching.ts";

export interface Policy extends KubeObject {
  spec: PolicySpec;
}
export interface Matcher {
  readonly match: MatchResources;
  readonly namespaceSelector: ParsedSelector;
  readonly objectSelector: ParsedSelector;
}
export interface BoundPolicy<P extends Policy, C> {
  readonly policy: P;
  readonly matcher: Matcher | undefined;
  readonly bindings: readonly { readonly binding: PolicyBinding; readonly matcher: Matcher | undefined }[];
  compiled(): C;
}

const matcherOf = (match: MatchResources | undefined): Matcher | undefined =>
  match && { match, namespaceSelector: parsedSelector(match.namespaceSelector), objectSelector: parsedSelector(match.objectSelector) };
const byName = (a: KubeObject, b: KubeObject): number => (a.metadata.name < b.metadata.name ? -1 : 1);

/** Policies without a binding are left out. `policies` and `bindings`: groupResources. */
export function policySource<P extends Policy, C>(
  reader: Reader,
  policies: string,
  bindings: string,
  compile: (policy: P) => C,
): () => readonly BoundPolicy<P, C>[] {
  let current: readonly BoundPolicy<P, C>[] | undefined;
  /** What a policy's revision was compiled to. */
  let known = new Map<string, { value?: C }>();
  const changed = (): void => {
    current = undefined;
  };
  reader.onChange(policies, changed);
  reader.onChange(bindings, changed);
  return () => {
    if (current) return current;
    const kept = new Map<string, { value?: C }>();
    const bound = reader.list<PolicyBinding>(bindings).sort(byName);
    current = reader
      .list<P>(policies)
      .sort(byName)
      .flatMap((policy) => {
        const own = bound.filter(({ spec }) => spec.policyName === policy.metadata.name);
        if (!own.length) return [];
        const key = `${policy.metadata.uid}/${policy.metadata.generation}`;
        const entry = known.get(key) ?? {};
        kept.set(key, entry);
        const compiled = (): C => {
          entry.value ??= compile(policy);
          return entry.value;
        };
        const withMatchers = own.map((binding) => ({ binding, matcher: matcherOf(binding.spec.matchResources) }));
        return [{ policy, matcher: matcherOf(policy.spec.matchConstraints), bindings: withMatchers, compiled }];
      });
    known = kept;
    return current;
  };
}
