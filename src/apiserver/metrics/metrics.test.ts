import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import { unauthorized } from "../../api/status.ts";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import type { AdmissionAttributes } from "../admission/admission.ts";
import type { AuthorizationAttributes } from "../authorization/authorizer.ts";
import { timePlugins, timeSteps } from "./admission.ts";
import { countAuthentication, countAuthorization } from "./identity.ts";

const clock = new VirtualClock(0);

test("who is found, who is not and what breaks are counted apart, at once or later", async () => {
  const metrics = new Metrics();
  const answers = [{ name: "admin", groups: [] }, Promise.resolve({ name: "a@b", groups: [] }), undefined, Promise.reject(unauthorized())];
  const authenticator = countAuthentication({ authenticate: () => answers.shift() }, metrics, clock);
  for (let i = 0; i < 3; i++) await authenticator.authenticate({} as ApiRequest);
  await assert.rejects(async () => authenticator.authenticate({} as ApiRequest));
  const text = metrics.expose();
  for (const line of [
    'authentication_attempts{result="success"} 2',
    'authentication_attempts{result="failure"} 1',
    'authentication_attempts{result="error"} 1',
    'authenticated_user_requests{username="admin"} 1',
    'authenticated_user_requests{username="email_id"} 1',
    'authentication_duration_seconds_count{result="success"} 2',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test("decisions of authorizers are counted by what they are", async () => {
  const metrics = new Metrics();
  const answers = ["allow", "deny", "no-opinion"] as const;
  let next = 0;
  const authorizer = countAuthorization({ authorize: () => ({ decision: answers[next++] as "allow", reason: "" }) }, metrics, clock);
  for (const decision of answers) assert.equal((await authorizer.authorize({} as AuthorizationAttributes)).decision, decision);
  for (const result of ["allowed", "denied", "no-opinion"])
    assert.match(metrics.expose(), new RegExp(`authorization_attempts_total\\{result="${result}"\\} 1`));
});

test("plugins and steps of admission are timed, and refusals told apart", async () => {
  const metrics = new Metrics();
  const refusing = { name: "Priority", mutate: () => undefined, validate: () => Promise.reject(unauthorized()) };
  const [plugin] = timePlugins([refusing], metrics, clock);
  const chain = timeSteps({ mutate: async (a) => plugin?.mutate?.(a), validate: async (a) => plugin?.validate?.(a) }, metrics, clock);
  const attributes = { operation: "CREATE" } as AdmissionAttributes;
  await chain.mutate(attributes);
  await assert.rejects(chain.validate(attributes));
  const text = metrics.expose();
  assert.match(text, /admission_controller_admission_duration_seconds_count\{name="Priority",type="admit",operation="CREATE",rejected="false"\} 1/);
  assert.match(text, /admission_controller_admission_duration_seconds_count\{name="Priority",type="validate",operation="CREATE",rejected="true"\} 1/);
  assert.match(text, /admission_step_admission_duration_seconds_count\{type="validate",operation="CREATE",rejected="true"\} 1/);
});
