/** ValidatingAdmissionPolicy: policies in CEL with their bindings and parameters (k8s.io/apiserver/pkg/admission/plugin/policy/validating). */
import type { PolicyBinding } from "../../../api/admissionregistration/binding.ts";
import { encodeJSONString } from "../../../api/codec/json.ts";
import type { JSONObject } from "../../../api/json.ts";
import { StatusError } from "../../../api/status.ts";
import type { ValidatingAdmissionPolicy } from "../../../api/types/admissionregistration-v1.gen.ts";
import type { StatusCause } from "../../../api/types/meta-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { Authorizer } from "../../authorization/authorizer.ts";
import { errorTypeOf, type PolicySeries } from "../../metrics/policies.ts";
import type { ConditionSeries } from "../../metrics/webhooks.ts";
import type { AdmissionAttributes, AdmissionPlugin, Face, Faces } from "../admission.ts";
import { AuthorizationChecks } from "../authorization-checks.ts";
import { refuse } from "../refuse.ts";
import { namespaceOf, requestBindings } from "./bindings.ts";
import { type CompiledPolicy, compilePolicy, type Decision, evaluatePolicy, type PolicyVerdict } from "./evaluate.ts";
import { isExcluded } from "./excluded.ts";
import { faceOf } from "./matcher.ts";
import { meetings } from "./meetings.ts";
import type { ParamSources } from "./params.ts";
import { type BoundPolicy, policySource } from "./source.ts";
import { table } from "../../../base/table.ts";

export interface PolicyOptions {
  reader: Reader;
  clock: Clock;
  authorizer: Authorizer;
  /** Of the resources that are served. */
  params: ParamSources;
  series: PolicySeries;
  conditions: ConditionSeries;
}

type Hook = BoundPolicy<ValidatingAdmissionPolicy, CompiledPolicy>;
interface Denial {
  policy: string;
  binding: string | undefined;
  message: string;
  reason: string;
}

const codes = table<number>({ Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 });
/** Bytes of an audit annotation. */
const maxAnnotation = 10 * 1024;

function denied(attributes: AdmissionAttributes, { policy, binding, message, reason }: Denial): StatusError {
  const who = binding === undefined ? `ValidatingAdmissionPolicy '${policy}'` : `ValidatingAdmissionPolicy '${policy}' with binding '${binding}'`;
  const text = `${who} denied request: ${message}`;
  const { status } = refuse(attributes, text);
  const why = reason || "Invalid";
  const causes = [...(status.details?.causes ?? []), { message: text } as StatusCause];
  return new StatusError({ ...status, message: status.message ?? text, reason: why, code: codes[why] ?? 422, details: { ...status.details, causes } });
}

/** One request, looked at by all policies. */
class Judgement {
  readonly denials: Denial[] = [];
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

  async judge(hook: Hook): Promise<void> {
    const attributes = this.#attributes;
    const notes = new Map<string, string[]>();
    const misconfigured = ({ metadata, spec }: ValidatingAdmissionPolicy, message: string, binding?: PolicyBinding): void => {
      if (spec.failurePolicy === "Ignore") return;
      this.denials.push({ policy: metadata.name, binding: binding?.metadata.name, message, reason: "" });
    };
    for await (const { binding, face, params } of meetings(hook, attributes, this.#faces, this.#options, misconfigured))
      await this.#evaluate(hook, binding, face, params, notes);
    for (const [key, values] of notes) attributes.annotate?.(`${hook.policy.metadata.name}/${key}`, values.join(", "));
  }

  async #evaluate(hook: Hook, binding: PolicyBinding, face: Face, params: readonly (JSONObject | null)[], notes: Map<string, string[]>): Promise<void> {
    const { reader, clock, conditions } = this.#options;
    const attributes = this.#attributes;
    const compiled = hook.compiled();
    const values = await requestBindings(attributes, face, this.#faces.own, namespaceOf(attributes, reader), this.#checks);
    const verdicts: { verdict: PolicyVerdict; seconds: number }[] = [];
    for (const param of params) {
      const began = clock.monotonic();
      const verdict = await this.#checks.run(() => evaluatePolicy(compiled, values.of(param, true), values.of(param, false)));
      const seconds = (clock.monotonic() - began) / 1000;
      verdicts.push({ verdict, seconds });
      if (!compiled.conditions.length) continue;
      const { name } = hook.policy.metadata;
      conditions.evaluated(name, "policy", "validate", attributes.operation, seconds);
      if (verdict.conditionFailures) conditions.failed(name, "policy", "validate", attributes.operation, verdict.conditionFailures);
    }
    for (const { verdict, seconds } of verdicts) {
      for (const [i, decision] of verdict.decisions.entries()) this.#decided(hook.policy, binding, decision, i, seconds);
      for (const { key, value } of verdict.annotations) {
        const cut = Buffer.byteLength(value) > maxAnnotation ? Buffer.from(value).subarray(0, maxAnnotation).toString("utf8") : value;
        const known = notes.get(key) ?? [];
        if (!known.includes(cut)) notes.set(key, [...known, cut]);
      }
      for (const message of verdict.errors) this.#deny(hook.policy, binding, { action: "deny", failed: true, message, reason: "" }, seconds);
    }
  }

  #deny({ metadata }: ValidatingAdmissionPolicy, binding: PolicyBinding, { message, reason }: Decision, seconds: number): void {
    this.denials.push({ policy: metadata.name, binding: binding.metadata.name, message, reason });
    this.#options.series.validated(metadata.name, binding.metadata.name, errorTypeOf(message), "deny", seconds);
  }

  #decided(policy: ValidatingAdmissionPolicy, binding: PolicyBinding, decision: Decision, index: number, seconds: number): void {
    const { series } = this.#options;
    const [of, by] = [policy.metadata.name, binding.metadata.name];
    const { message } = decision;
    if (decision.action === "admit") {
      if (decision.failed) series.validated(of, by, errorTypeOf(message), "allow", seconds);
      return;
    }
    const { validationActions = [] } = binding.spec;
    for (const action of validationActions) {
      if (action === "Deny") this.#deny(policy, binding, decision, seconds);
      else if (action === "Audit") {
        const failure = { message, policy: binding.spec.policyName, binding: by, expressionIndex: index, validationActions };
        this.#attributes.annotate?.("validation.policy.admission.k8s.io/validation_failure", encodeJSONString([failure]));
        series.validated(of, by, errorTypeOf(message), "audit", seconds);
      } else if (action === "Warn") {
        this.#attributes.warn(`Validation failed for ValidatingAdmissionPolicy '${of}' with binding '${by}': ${message}`);
        series.validated(of, by, errorTypeOf(message), "warn", seconds);
      }
    }
  }
}

export function validatingPolicies(options: PolicyOptions): AdmissionPlugin {
  const group = "admissionregistration.k8s.io";
  const source = policySource<ValidatingAdmissionPolicy, CompiledPolicy>(
    options.reader,
    `validatingadmissionpolicies.${group}`,
    `validatingadmissionpolicybindings.${group}`,
    compilePolicy,
  );

  /** Most writes concern no policy, and wait for nothing. What cannot be told is for the judgement. */
  function concerns(hooks: readonly Hook[], attributes: AdmissionAttributes, faces: Faces): boolean {
    try {
      return hooks.some(({ matcher }) => matcher && faceOf(matcher, attributes, faces, options.reader));
    } catch {
      return true;
    }
  }

  async function dispatch(hooks: readonly Hook[], attributes: AdmissionAttributes, faces: Faces): Promise<void> {
    const judgement = new Judgement(attributes, faces, options);
    for (const hook of hooks) await judgement.judge(hook);
    const [first] = judgement.denials;
    if (first) throw denied(attributes, first);
  }

  return {
    name: "ValidatingAdmissionPolicy",
    validate(attributes) {
      const hooks = source();
      if (hooks.length === 0 || isExcluded(attributes)) return undefined;
      const faces = attributes.faces?.();
      return faces && concerns(hooks, attributes, faces) ? dispatch(hooks, attributes, faces) : undefined;
    },
  };
}
