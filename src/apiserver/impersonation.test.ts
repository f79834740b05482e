import assert from "node:assert/strict";
import test from "node:test";
import type { ApiRequest, UserInfo } from "../api/exchange.ts";
import { VirtualClock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import type { AuthorizationAttributes, Authorizer } from "./authorization/authorizer.ts";
import { Impersonation } from "./impersonation.ts";
import { impersonationSeries } from "./metrics/impersonation.ts";

function asking(rules: readonly string[]) {
  const asked: string[] = [];
  const authorize: Authorizer["authorize"] = ({ verb, group, resource, name }) => {
    const what = `${verb} ${group ? `${resource}.${group}` : resource}/${name}`;
    asked.push(what);
    return rules.includes(what) ? { decision: "allow", reason: "" } : { decision: "no-opinion", reason: what };
  };
  const metrics = new Metrics();
  const impersonation = new Impersonation({ authorize }, impersonationSeries(metrics), new VirtualClock());
  const as = async (headers: Record<string, string>, user: UserInfo = { name: "c", groups: [] }): Promise<UserInfo | undefined> => {
    const attributes: AuthorizationAttributes = {
      user,
      verb: "get",
      isResource: true,
      group: "",
      version: "v1",
      resource: "pods",
      subresource: "",
      namespace: "d",
      name: "p",
      path: "",
    };
    const impersonated = await impersonation.userOf(
      { method: "GET", path: "", query: new URLSearchParams(), headers, signal: new AbortController().signal, remoteAddress: "" } as ApiRequest,
      attributes,
    );
    return impersonated?.user;
  };
  return { asked, as, metrics };
}

test("the right to impersonate at all is enough, and the first refusal is about the verb", async () => {
  const { as } = asking(["impersonate users/jane"]);
  assert.deepEqual(await as({ "impersonate-user": "jane" }), { name: "jane", groups: ["system:authenticated"] });
  await assert.rejects(asking([]).as({ "impersonate-user": "jane" }), { message: /impersonate-on:user-info:get pods\/p/ });
});

test("who has been served in one way is refused in the words of that way", async () => {
  const { as } = asking(["impersonate users/jane"]);
  await as({ "impersonate-user": "jane" });
  await assert.rejects(as({ "impersonate-user": "joe" }), { message: /: impersonate users\/joe/ });
});

test("a node may be impersonated for one verb by who runs on it, with the groups of a node", async () => {
  const rules = ["impersonate-on:associated-node:get pods/p", "impersonate:associated-node nodes.authentication.k8s.io/*"];
  const user = { name: "system:serviceaccount:d:a", groups: [], extra: { "authentication.kubernetes.io/node-name": ["n1"] } };
  const { as, asked } = asking(rules);
  assert.deepEqual(await as({ "impersonate-user": "system:node:n1" }, user), { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] });
  assert.deepEqual(asked, rules);
  await assert.rejects(as({ "impersonate-user": "system:node:n2" }, user), { message: /impersonate-on:arbitrary-node:get/ });
});

test("constrained impersonation never gives the privileged group", async () => {
  const { as } = asking(["impersonate-on:user-info:get pods/p", "impersonate:user-info users.authentication.k8s.io/jane"]);
  await assert.rejects(as({ "impersonate-user": "jane", "impersonate-group": "system:masters" }), {
    message: /impersonating the system:masters group is not allowed/,
  });
});

test("parts of a user without a name are refused as Go shows them, an empty name is nobody", async () => {
  const { as } = asking([]);
  await assert.rejects(as({ "impersonate-extra-a": "b" }), {
    message: /Extra:map\[string\]\[\]string\{"a":\[\]string\{"b"\}\}\} without impersonating a user name$/,
  });
  assert.equal(await as({ "impersonate-user": "" }), undefined);
});
