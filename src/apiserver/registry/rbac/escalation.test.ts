import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const roles = `${rbac}/namespaces/default/roles`;

test("an update that gives more than its writer has is refused whichever revision it is of", async () => {
  const rule = { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["update"] };
  await server.answer("POST", `${rbac}/clusterroles`, { metadata: { name: "writer" }, rules: [rule] });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "writer" };
  await server.answer("POST", `${rbac}/clusterrolebindings`, { metadata: { name: "writer" }, roleRef, subjects: [{ kind: "User", name: "w" }] });
  await server.answer("POST", roles, { metadata: { name: "r" }, rules: [rule] });
  const update = async (resourceVersion: string, verbs: string[]): Promise<[number, string | undefined]> => {
    const body = { metadata: { name: "r", resourceVersion }, rules: [{ ...rule, verbs }] };
    const { http, reason } = await server.answer("PUT", `${roles}/r`, body, "application/json", "", { name: "w", groups: ["system:authenticated"] });
    return [http, reason];
  };
  assert.deepEqual(await update("1", ["delete"]), [403, "Forbidden"]);
  assert.deepEqual(await update("", ["delete"]), [403, "Forbidden"]);
  assert.deepEqual(await update("1", ["update"]), [409, "Conflict"]);
  assert.deepEqual(await update("", []), [422, "Invalid"]);
});
