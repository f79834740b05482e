import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from "../../../api/types/authorization-v1.gen.ts";
import type { AuthorizationAttributes, Authorizer } from "../../authorization/authorizer.ts";
import { MemoryReader } from "../../authorization/memory-reader.fixture.ts";
import { RbacAuthorizer } from "../../authorization/rbac.ts";
import { reviewSelfSubjectRules } from "./selfsubjectrulesreview.ts";
import { reviewLocalSubjectAccess, reviewSelfSubjectAccess, reviewSubjectAccess } from "./subjectaccessreview.ts";

function recorder() {
  const asked: AuthorizationAttributes[] = [];
  const authorizer: Authorizer = {
    authorize(attributes) {
      asked.push(attributes);
      return { decision: "allow", reason: "because" };
    },
  };
  return { asked, authorizer };
}
const review = <T>(spec: object, metadata: object = {}): T => ({ metadata, spec }) as T;

test("a review asks the authorizer about its subject and answers with decision and reason", async () => {
  const { asked, authorizer } = recorder();
  const spec = {
    user: "u",
    groups: ["g"],
    resourceAttributes: { verb: "list", resource: "pods", namespace: "a", fieldSelector: { rawSelector: "spec.nodeName=n1" } },
  };
  const { status } = await reviewSubjectAccess(review<SubjectAccessReview>(spec), { authorizer });
  assert.deepEqual(status, { allowed: true, reason: "because" });
  assert.deepEqual(asked[0]?.user, { name: "u", groups: ["g"] });
  assert.equal(asked[0]?.version, "*");
  assert.deepEqual(
    asked[0]?.fieldSelector?.map(({ field, operator, value }) => [field, operator, value]),
    [["spec.nodeName", "=", "n1"]],
  );
});

test("a selector that cannot be read is left out, and the answer says so", async () => {
  const { asked, authorizer } = recorder();
  const requirements = [
    { key: "a", operator: "In", values: ["1"] },
    { key: "b", operator: "Exists" },
  ];
  const resourceAttributes = { verb: "list", resource: "pods", fieldSelector: { requirements }, labelSelector: { rawSelector: "a in b" } };
  const { status } = await reviewSelfSubjectAccess(review<SelfSubjectAccessReview>({ resourceAttributes }), { name: "me", groups: [] }, { authorizer });
  assert.equal(
    status.evaluationError,
    "spec.resourceAttributes.fieldSelector partially ignored due to parse error; spec.resourceAttributes.labelSelector ignored due to parse error",
  );
  assert.equal(asked[0]?.user.name, "me");
  assert.equal(asked[0]?.fieldSelector?.length, 1);
});

test("malformed reviews are refused with upstream's causes", async () => {
  const { authorizer } = recorder();
  await assert.rejects(reviewSubjectAccess(review<SubjectAccessReview>({}), { authorizer }), {
    message:
      '.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]',
  });
  const both = { user: "a", nonResourceAttributes: { path: "/x", verb: "get" }, resourceAttributes: { verb: "get" } };
  await assert.rejects(reviewSubjectAccess(review<SubjectAccessReview>(both), { authorizer }), {
    message:
      '.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: cannot be specified in combination with resourceAttributes',
  });
  const elsewhere = review<LocalSubjectAccessReview>({ user: "a", resourceAttributes: { verb: "get", namespace: "b" } }, { namespace: "a" });
  await assert.rejects(
    reviewLocalSubjectAccess(elsewhere, "a", { authorizer }),
    /spec.resourceAttributes.namespace: Invalid value: "b": must match metadata.namespace/,
  );
});

test("one's own rules are listed, with what could not be resolved", async () => {
  const reader = new MemoryReader();
  const names = { bindings: "clusterrolebindings.rbac.authorization.k8s.io", roles: "clusterroles.rbac.authorization.k8s.io" };
  const bind = (name: string, role: string) => ({
    metadata: { name },
    roleRef: { apiGroup: "", kind: "ClusterRole", name: role },
    subjects: [{ kind: "User", name: "u" }],
  });
  reader.put(names.bindings, bind("b1", "r"), bind("b2", "gone"));
  reader.put(names.roles, {
    metadata: { name: "r" },
    rules: [
      { verbs: ["get"], apiGroups: [""], resources: ["pods"] },
      { verbs: ["get"], nonResourceURLs: ["/metrics"] },
    ],
  });
  const rules = new RbacAuthorizer(reader);
  const { status } = await reviewSelfSubjectRules(review<SelfSubjectRulesReview>({ namespace: "a" }), { name: "u", groups: [] }, { rules });
  assert.deepEqual(status, {
    resourceRules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }],
    incomplete: false,
    evaluationError: 'clusterrole.rbac.authorization.k8s.io "gone" not found',
  });
  await assert.rejects(reviewSelfSubjectRules(review<SelfSubjectRulesReview>({}), { name: "u", groups: [] }, { rules }), { code: 400 });
});
