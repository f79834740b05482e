import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const answer = server.answer.bind(server);
const core = "/api/v1/namespaces/default";

test("nobody connects by way of trial", async () => {
  for (const way of ["exec?command=a&dryRun=All", "attach?dryRun=", "portforward?dryRun=x", "proxy/?dryRun=All"]) {
    const { http, message } = await answer("POST", `${core}/pods/none/${way}`);
    assert.deepEqual([http, message], [400, "dryRun is not supported"], way);
  }
});
