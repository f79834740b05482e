/** MutatingAdmissionPolicy: changes in CEL, one after the other (k8s.io/apiserver/pkg/admission/plugin/policy/mutating). */
import type { PolicyBinding } from "../../../api/admissionregistration/binding.ts";
import { type Condition, conditionsBudget, Evaluation, evaluateConditions, OutOfBudget, policyBudget } from "../../../api/admissionregistration/evaluation.ts";
import { type Compiled, Expressions, isMistake, type Mistake } from "../../../api/admissionregistration/expressions.ts";
import { mutationWays } from "../../../api/admissionregistration/mutatingadmissionpolicy.ts";
import { DecodeError } from "../../../api/codec/decode-error.ts";
import { semanticEqual } from "../../../api/core/semantic.ts";
import { goQuote } from "../../../api/go-quote.ts";
import type { JSONObject } from "../../../api/json.ts";
import { internalError, StatusError } from "../../../api/status.ts";
import type { MutatingAdmissionPolicy } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { StatusCause } from "../../../api/types/meta-v1.gen.ts";
import { errorTypeOf } from "../../metrics/policies.ts";
import { type AdmissionAttributes, type AdmissionPlugin, type Face, type Faces, Reinvocation } from "../admission.ts";
import { AuthorizationChecks } from "../authorization-checks.ts";
import { refuse } from "../refuse.ts";
import { ReinvocationState } from "../reinvocation-state.ts";
import { namespaceOf, type RequestBindings, requestBindings } from "./bindings.ts";
import { conditionsOf } from "./evaluate.ts";
import { isExcluded } from "./excluded.ts";
import { meetings } from "./meetings.ts";
import { applyConfiguration, applyOperations, PatchFailure } from "./patch.ts";
import { type BoundPolicy, policySource } from "./source.ts";
import type { PolicyOptions } from "./validating.ts";

const plugin = "MutatingAdmissionPolicy";

interface Mutator {
  readonly patchType: string;
  readonly expression: Compiled | Mistake;
}
interface CompiledMutations {
  readonly expressions: Expressions;
  readonly conditions: readonly Condition[];
  readonly mutators: readonly Mutator[];
}

function compile({ spec }: MutatingAdmissionPolicy): CompiledMutations {
  const params = spec.paramKind !== undefined;
  const expressions = new Expressions(true);
  for (const { name, expression } of spec.variables ?? []) expressions.addVariable(name, expression, { params, authorizer: true });
  const mutators = (spec.mutations ?? []).flatMap((mutation): Mutator[] => {
    const way = mutationWays[mutation.patchType];
    const source = way && mutation[way.field];
    if (!way || !source) return [];
    return [
      { patchType: mutation.patchType, expression: expressions.compile(source.expression ?? "", { params, authorizer: true, patchTypes: true }, [way.type]) },
    ];
  });
  return { expressions, conditions: conditionsOf(expressions, spec.matchConditions, params), mutators };
}

type Hook = BoundPolicy<MutatingAdmissionPolicy, CompiledMutations>;
interface Invocation {
  readonly hook: Hook;
  readonly binding: PolicyBinding;
  readonly face: Face;
  readonly param: JSONObject | null;
}
interface Failure {
  readonly policy: MutatingAdmissionPolicy;
  readonly binding?: PolicyBinding;
  readonly message: string;
  readonly invalid?: boolean;
}

const keyOf = ({ hook, binding, param }: Invocation): string => {
  const { namespace = "", name = "" } = (param?.metadata ?? {}) as { namespace?: string; name?: string };
  return JSON.stringify([hook.policy.metadata.name, binding.metadata.name, namespace, name]);
};

function refusal(attributes: AdmissionAttributes, failures: readonly Failure[]): StatusError {
  const texts = failures.map(({ policy, binding, message }) => {
    const name = policy.metadata.name;
    return binding
      ? `policy '${name}' with binding '${binding.metadata.name}' denied request: ${message}`
      : `policy ${goQuote(name)} denied request: ${message}`;
  });
  const { status } = refuse(attributes, "admission request denied by policy");
  const causes = [...(status.details?.causes ?? []), ...texts.map((message) => ({ message }) as StatusCause)];
  const reason = failures[0]?.invalid ? "Invalid" : (status.reason ?? "");
  return new StatusError({ ...status, code: status.code ?? 403, message: texts[0] ?? "", reason, details: { ...status.details, causes } });
}

class Mutations {
  readonly failures: Failure[] = [];
  /** Some mutation was made, whether it changed anything or not. */
  #written = false;
  readonly #attributes: AdmissionAttributes;
  readonly #faces: Faces;
  readonly #options: PolicyOptions;
  readonly #checks: AuthorizationChecks;

  constructor(attributes: AdmissionAttributes, faces: Faces, options: PolicyOptions) {
    this.#attributes = attributes;
    this.#faces = faces;
    this.#options = options;
    this.#checks = new AuthorizationChecks(options.authorizer);
  }

  async invocations(hooks: readonly Hook[]): Promise<Invocation[]> {
    const found: Invocation[] = [];
    const misconfigured = (policy: MutatingAdmissionPolicy, message: string, binding?: PolicyBinding): void => {
      this.failures.push({ policy, message, ...(binding ? { binding } : {}) });
    };
    for (const hook of hooks)
      for await (const { binding, face, params } of meetings(hook, this.#attributes, this.#faces, this.#options, misconfigured))
        for (const param of params) found.push({ hook, binding, face, param });
    return found;
  }

  async run(invocations: readonly Invocation[]): Promise<void> {
    this.#attributes.reinvocation ??= new Reinvocation();
    const { reinvocation } = this.#attributes;
    const state = ReinvocationState.of(reinvocation, plugin);
    if (reinvocation.active && state.changedSince(this.#attributes.object)) state.requireReinvocation();
    try {
      const namespace = namespaceOf(this.#attributes, this.#options.reader);
      for (const invocation of invocations) {
        const key = keyOf(invocation);
        const values = (): Promise<RequestBindings> => requestBindings(this.#attributes, invocation.face, this.#faces.own, namespace, this.#checks);
        if (!(await this.#meets(invocation, await values())) || (reinvocation.active && !state.mayRunAgain(key))) continue;
        if (await this.#mutate(invocation, values)) {
          state.requireReinvocation();
          reinvocation.wanted = true;
        }
        if (invocation.hook.policy.spec.reinvocationPolicy === "IfNeeded") state.ran(key);
      }
      // Those that changed it last run again as well.
      if (this.#written) {
        state.requireReinvocation();
        reinvocation.wanted = true;
      }
    } finally {
      state.left(this.#attributes.object);
    }
  }

  async #meets({ hook, binding, param }: Invocation, values: RequestBindings): Promise<boolean> {
    const { conditions, expressions } = hook.compiled();
    if (!conditions.length) return true;
    const { policy } = hook;
    const series = this.#options.conditions;
    const { operation } = this.#attributes;
    const began = this.#options.clock.monotonic();
    const verdict = await this.#checks.run(() =>
      evaluateConditions(conditions, new Evaluation(values.of(param, true), conditionsBudget, expressions), policy.spec.failurePolicy),
    );
    series.evaluated(policy.metadata.name, "policy", "validate", operation, (this.#options.clock.monotonic() - began) / 1000);
    if (verdict.failures) series.failed(policy.metadata.name, "policy", "validate", operation, verdict.failures);
    if (verdict.error !== undefined) this.failures.push({ policy, binding, message: verdict.error, invalid: true });
    return verdict.matches;
  }

  /** Whether the object changed. */
  async #mutate({ hook, binding, face, param }: Invocation, values: () => Promise<RequestBindings>): Promise<boolean> {
    const { policy } = hook;
    const { series, clock } = this.#options;
    const { object } = this.#attributes;
    const { expressions, mutators } = hook.compiled();
    if (!object) return false;
    let changed = false;
    for (const mutator of mutators) {
      const current = await values();
      const shown = current.shown.object as JSONObject;
      const began = clock.monotonic();
      const seconds = (): number => (clock.monotonic() - began) / 1000;
      try {
        const read = face.read(await this.#patched(mutator, current, param, expressions, face), mutator.patchType === "JSONPatch");
        if (!semanticEqual(face.read(shown), read)) changed = true;
        await face.take(object, read);
        this.#written = true;
        series.mutated(policy.metadata.name, binding.metadata.name, "no_error", seconds());
      } catch (error) {
        const message = (error as Error).message;
        series.mutated(policy.metadata.name, binding.metadata.name, errorTypeOf(message), seconds());
        if (error instanceof DecodeError) throw internalError(message);
        if (!(error instanceof PatchFailure) && !(error instanceof OutOfBudget)) throw error;
        this.failures.push({ policy, binding, message, invalid: true });
      }
    }
    return changed;
  }

  async #patched(
    { patchType, expression }: Mutator,
    values: RequestBindings,
    param: JSONObject | null,
    expressions: Expressions,
    face: Face,
  ): Promise<JSONObject> {
    if (isMistake(expression)) throw new PatchFailure(expression.detail);
    const outcome = await this.#checks.run(() => new Evaluation(values.of(param, true), policyBudget, expressions).evaluate(expression));
    if ("error" in outcome) throw new PatchFailure(outcome.error);
    const shown = values.shown.object as JSONObject;
    return patchType === "JSONPatch" ? applyOperations(outcome.value, shown) : applyConfiguration(outcome.value, shown, face);
  }
}

export function mutatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const group = "admissionregistration.k8s.io";
  const source = policySource<MutatingAdmissionPolicy, CompiledMutations>(
    options.reader,
    `mutatingadmissionpolicies.${group}`,
    `mutatingadmissionpolicybindings.${group}`,
    compile,
  );

  async function dispatch(hooks: readonly Hook[], attributes: AdmissionAttributes): Promise<void> {
    const faces = attributes.faces?.();
    if (!faces) return;
    const mutations = new Mutations(attributes, faces, options);
    const invocations = await mutations.invocations(hooks);
    if (invocations.length) await mutations.run(invocations);
    const counted = mutations.failures.filter(({ policy }) => policy.spec.failurePolicy !== "Ignore");
    if (counted.length) throw refusal(attributes, counted);
  }

  return {
    name: plugin,
    mutate(attributes) {
      // Nothing of what is deleted is left to change.
      if (attributes.operation === "DELETE") return undefined;
      const hooks = source();
      if (hooks.length === 0 || isExcluded(attributes)) return undefined;
      return dispatch(hooks, attributes);
    },
  };
}
