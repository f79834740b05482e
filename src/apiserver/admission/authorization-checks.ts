/**
 * What expressions ask the authorizer during one request, each question once (k8s.io/apiserver/pkg/admission/plugin/authorizer).
 * Expressions cannot wait: where the authorizer has to, their evaluation is given up and begun again with its answer.
 */
import { AuthorizerValue, type AuthorizationAnswer, type AuthorizationCheck, ResourceCheckValue } from "../../api/cel/library/authorizer.ts";
import type { Value } from "../../api/cel/values.ts";
import { aggregateText } from "../../api/field.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "../authorization/authorizer.ts";
import { addSelectors } from "../authorization/selectors.ts";
import type { AdmissionAttributes } from "./admission.ts";

class Waiting extends Error {
  readonly until: Promise<void>;
  constructor(until: Promise<void>) {
    super("the authorizer has not answered yet");
    this.until = until;
  }
}

function attributesOf({ user, verb, path, group, resource, subresource, namespace, name, ...selectors }: AuthorizationCheck): AuthorizationAttributes {
  const none = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
  if (path !== undefined) return { ...none, user, verb, path, isResource: false };
  const attributes = { user, verb, path: "", isResource: true, group, version: "*", resource, subresource, namespace, name };
  addSelectors(attributes, selectors.fieldSelector, selectors.labelSelector);
  return attributes;
}

export class AuthorizationChecks {
  readonly #authorizer: Authorizer;
  readonly #answers = new Map<string, AuthorizationAnswer>();
  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  #ask(check: AuthorizationCheck): AuthorizationAnswer {
    const key = JSON.stringify(check);
    const known = this.#answers.get(key);
    if (known) return known;
    const keep = (answer: AuthorizationAnswer): AuthorizationAnswer => {
      this.#answers.set(key, answer);
      return answer;
    };
    const answered = ({ decision, reason, errors }: AuthorizationDecision): AuthorizationAnswer =>
      keep({ allowed: decision === "allow", reason, error: errors ? aggregateText(errors) : "" });
    const failed = (error: unknown): AuthorizationAnswer => keep({ allowed: false, reason: "", error: error instanceof Error ? error.message : String(error) });
    let pending: ReturnType<Authorizer["authorize"]>;
    try {
      pending = this.#authorizer.authorize(attributesOf(check));
    } catch (error) {
      return failed(error);
    }
    if (!(pending instanceof Promise)) return answered(pending);
    throw new Waiting(
      pending.then(answered, failed).then(() => {
        // The answer lies in the map.
      }),
    );
  }

  /** The variables `authorizer` and `authorizer.requestResource`. */
  variables({ user, resource, subresource, namespace, name }: AdmissionAttributes): { authorizer: Value; requestResource: Value } {
    const authorizer = new AuthorizerValue(user, (check) => this.#ask(check));
    const about = { group: resource.group, resource: resource.resource, subresource, namespace, name };
    return { authorizer, requestResource: new ResourceCheckValue(authorizer, about) };
  }

  /** `evaluate` may be called several times. */
  async run<T>(evaluate: () => T): Promise<T> {
    for (;;) {
      try {
        return evaluate();
      } catch (error) {
        if (!(error instanceof Waiting)) throw error;
        await error.until;
      }
    }
  }
}
