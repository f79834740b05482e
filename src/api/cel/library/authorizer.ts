/**
 * Questions to the server's authorizer: `authorizer.group("").resource("pods").check("create").allowed()`
 * (k8s.io/apiserver/pkg/cel/library/authz.go). Who decides comes with the value of the variable.
 */
import type { UserInfo } from "../../exchange.ts";
import { nameIsDNSLabel, nameIsDNSSubdomain } from "../../meta/names.ts";
import { type Library, member } from "../declarations.ts";
import { struct, type Type, types } from "../types.ts";
import { CelError, ObjectValue, type Value } from "../values.ts";

const { bool, string } = types;
export const authorizerType = struct("kubernetes.authorization.Authorizer");
const pathCheckType = struct("kubernetes.authorization.PathCheck");
const groupCheckType = struct("kubernetes.authorization.GroupCheck");
export const resourceCheckType = struct("kubernetes.authorization.ResourceCheck");
const decisionType = struct("kubernetes.authorization.Decision");

/** A path, or a resource. Selectors are texts that nobody has parsed yet. */
export interface AuthorizationCheck {
  user: UserInfo;
  verb: string;
  path?: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  fieldSelector: string;
  labelSelector: string;
}
export interface AuthorizationAnswer {
  allowed: boolean;
  reason: string;
  /** "" where none was met. */
  error: string;
}
/** May throw to give the whole evaluation up, which its caller then begins again. */
export type AskAuthorizer = (check: AuthorizationCheck) => AuthorizationAnswer;

abstract class Receiver extends ObjectValue {
  abstract override readonly type: Type;
  equals(other: Value): boolean {
    return other === this;
  }
}

const noResource = { group: "", resource: "", subresource: "", namespace: "", name: "", fieldSelector: "", labelSelector: "" };

export class AuthorizerValue extends Receiver {
  readonly type = authorizerType;
  readonly user: UserInfo;
  readonly ask: AskAuthorizer;
  constructor(user: UserInfo, ask: AskAuthorizer) {
    super();
    this.user = user;
    this.ask = ask;
  }
}
class PathCheck extends Receiver {
  readonly type = pathCheckType;
  readonly of: AuthorizerValue;
  readonly path: string;
  constructor(of: AuthorizerValue, path: string) {
    super();
    this.of = of;
    this.path = path;
  }
}
class GroupCheck extends Receiver {
  readonly type = groupCheckType;
  readonly of: AuthorizerValue;
  readonly group: string;
  constructor(of: AuthorizerValue, group: string) {
    super();
    this.of = of;
    this.group = group;
  }
}
export type ResourceQuestion = Omit<AuthorizationCheck, "user" | "verb" | "path">;
export class ResourceCheckValue extends Receiver {
  readonly type = resourceCheckType;
  readonly of: AuthorizerValue;
  readonly about: ResourceQuestion;
  constructor(of: AuthorizerValue, about: Partial<ResourceQuestion>) {
    super();
    this.of = of;
    this.about = { ...noResource, ...about };
  }
}
class DecisionValue extends Receiver {
  readonly type = decisionType;
  readonly answer: AuthorizationAnswer;
  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }
}

function serviceAccount({ ask }: AuthorizerValue, namespace: string, name: string): Value {
  if (nameIsDNSSubdomain(name, false).length) return new CelError("Invalid service account name");
  if (nameIsDNSLabel(namespace, false).length) return new CelError("Invalid service account namespace");
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  return new AuthorizerValue({ name: `system:serviceaccount:${namespace}:${name}`, groups }, ask);
}
const isBlank = (text: string): boolean => text.trim() === "";
const askPath = ({ of, path }: PathCheck, verb: string): Value => new DecisionValue(of.ask({ user: of.user, verb, path, ...noResource }));
const askResource = ({ of, about }: ResourceCheckValue, verb: string): Value => new DecisionValue(of.ask({ user: of.user, verb, ...about }));
const narrowed = (id: string, field: keyof ResourceQuestion) =>
  member(
    id,
    [resourceCheckType, string],
    resourceCheckType,
    ({ of, about }: ResourceCheckValue, text: string) => new ResourceCheckValue(of, { ...about, [field]: text }),
  );

export const authorizer: Library = {
  types: [authorizerType, pathCheckType, groupCheckType, resourceCheckType, decisionType],
  functions: {
    path: [
      member("authorizer_path", [authorizerType, string], pathCheckType, (of: AuthorizerValue, path: string) =>
        isBlank(path) ? new CelError("path must not be empty") : new PathCheck(of, path),
      ),
    ],
    group: [member("authorizer_group", [authorizerType, string], groupCheckType, (of: AuthorizerValue, group: string) => new GroupCheck(of, group))],
    serviceAccount: [member("authorizer_serviceaccount", [authorizerType, string, string], authorizerType, serviceAccount)],
    resource: [
      member("groupcheck_resource", [groupCheckType, string], resourceCheckType, ({ of, group }: GroupCheck, resource: string) =>
        isBlank(resource) ? new CelError("resource must not be empty") : new ResourceCheckValue(of, { group, resource }),
      ),
    ],
    subresource: [narrowed("resourcecheck_subresource", "subresource")],
    namespace: [narrowed("resourcecheck_namespace", "namespace")],
    name: [narrowed("resourcecheck_name", "name")],
    fieldSelector: [narrowed("authorizer_fieldselector", "fieldSelector")],
    labelSelector: [narrowed("authorizer_labelselector", "labelSelector")],
    check: [
      member("pathcheck_check", [pathCheckType, string], decisionType, askPath),
      member("resourcecheck_check", [resourceCheckType, string], decisionType, askResource),
    ],
    errored: [member("decision_errored", [decisionType], bool, ({ answer }: DecisionValue) => answer.error !== "")],
    error: [member("decision_error", [decisionType], string, ({ answer }: DecisionValue) => answer.error)],
    allowed: [member("decision_allowed", [decisionType], bool, ({ answer }: DecisionValue) => answer.allowed)],
    reason: [member("decision_reason", [decisionType], string, ({ answer }: DecisionValue) => answer.reason)],
  },
};
