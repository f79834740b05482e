import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { settle } from "../base/clock.ts";
import { parseSchedulerConfig, type SchedulerConfig } from "./config.ts";
import { type FakeServer, running } from "./fake-server.ts";
import { makeNode, makePod } from "./fixtures.ts";

type Args = Record<string, unknown> & { Nodes?: { items: { metadata: { name: string } }[] }; NodeNames?: string[]; Node?: string };
/** An answer; a number is a status without one. */
type Answer = (args: Args) => object | number;

/** A scheduler with one extender that does what is given; `asked` are the verbs that it was asked for. */
async function extended(
  answers: Record<string, Answer>,
  fields: object,
  work: (server: FakeServer, until: (done: () => unknown) => Promise<void>, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const http = createServer((request, response) => {
    const verb = request.url?.split("/").at(-1) as string;
    asked.push(verb);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = answers[verb]?.(JSON.parse(Buffer.concat(chunks).toString()) as Args) ?? 404;
      response.statusCode = typeof answer === "number" ? answer : 200;
      response.end(typeof answer === "number" ? "" : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  try {
    const urlPrefix = `http://127.0.0.1:${(http.address() as AddressInfo).port}/ext`;
    const config: SchedulerConfig = parseSchedulerConfig({
      apiVersion: "kubescheduler.config.k8s.io/v1",
      kind: "KubeSchedulerConfiguration",
      extenders: [{ urlPrefix, ...fields }],
    });
    await running(async (server, tick) => {
      const until = async (done: () => unknown): Promise<void> => {
        for (let i = 0; i < 5000 && !done(); i++) {
          await tick();
          // The extender is a real server.
          await settle();
        }
        assert.ok(done());
      };
      await work(server, until, asked);
    }, config);
  } finally {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
}

const nodeOf = (server: FakeServer, name: string): string | undefined => server.pod(name)?.spec.nodeName;

test("an extender refuses nodes and scores those that are left", () => {
  const filter: Answer = ({ Nodes }) => ({
    nodes: { items: Nodes?.items.filter(({ metadata }) => metadata.name !== "a") },
    failedNodes: { a: "no licence" },
  });
  const prioritize: Answer = ({ Nodes }) => (Nodes?.items ?? []).map(({ metadata }) => ({ host: metadata.name, score: metadata.name === "c" ? 10 : 0 }));
  return extended({ filter, prioritize }, { filterVerb: "filter", prioritizeVerb: "prioritize", weight: 5 }, async (server, until) => {
    for (const name of ["a", "b", "c"]) server.put("nodes", makeNode(name));
    for (let i = 0; i < 5; i++) server.put("pods", makePod(`p${i}`));
    await until(() => [0, 1, 2, 3, 4].every((i) => nodeOf(server, `p${i}`)));
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((i) => nodeOf(server, `p${i}`)),
      ["c", "c", "c", "c", "c"],
    );
  });
});

test("what an extender refuses is told, and any event wakes the pod", () => {
  let open = false;
  const filter: Answer = ({ NodeNames = [] }) =>
    open ? { NodeNames } : { NodeNames: [], FailedAndUnresolvableNodes: Object.fromEntries(NodeNames.map((name) => [name, "no licence"])) };
  return extended({ filter }, { filterVerb: "filter", nodeCacheCapable: true }, async (server, until) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("p"));
    await until(() => server.events.length);
    assert.match(server.events[0]?.note ?? "", /^0\/1 nodes are available: 1 no licence\./);
    open = true;
    server.put("nodes", makeNode("a", { labels: { any: "change" } }));
    await until(() => nodeOf(server, "p") === "a");
  });
});

test("an extender that fails stops the pod, unless it can be ignored", async () => {
  const answers = { filter: () => 500 };
  await extended(answers, { filterVerb: "filter" }, async (server, until) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("p"));
    await until(() => server.events.length);
    assert.match(server.events[0]?.note ?? "", /^failed filter with extender at URL http:.*\/ext\/filter, code 500$/);
    assert.equal(nodeOf(server, "p"), undefined);
  });
  await extended(answers, { filterVerb: "filter", ignorable: true }, async (server, until) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("p"));
    await until(() => nodeOf(server, "p") === "a");
  });
});

test("an extender is asked only about pods that want its resources, which plugins may leave to it", () => {
  const filter: Answer = ({ NodeNames = [] }) => ({ NodeNames });
  const managedResources = [{ name: "example.com/dev", ignoredByScheduler: true }];
  return extended({ filter }, { filterVerb: "filter", nodeCacheCapable: true, managedResources }, async (server, until, asked) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("plain"));
    await until(() => nodeOf(server, "plain"));
    assert.deepEqual(asked, []);
    server.put("pods", makePod("special", { requests: { "example.com/dev": "1" } }));
    await until(() => nodeOf(server, "special"));
    assert.deepEqual(asked, ["filter"]);
  });
});

test("an extender binds in the scheduler's place", () => {
  const bound: unknown[] = [];
  const bind: Answer = ({ PodName, Node }) => {
    bound.push([PodName, Node]);
    return {};
  };
  return extended({ bind }, { bindVerb: "bind" }, async (server, until) => {
    server.put("nodes", makeNode("a"));
    server.put("pods", makePod("p"));
    await until(() => server.events.some(({ reason }) => reason === "Scheduled"));
    assert.deepEqual(bound, [["p", "a"]]);
    assert.equal(nodeOf(server, "p"), undefined);
  });
});

test("an extender narrows down whom to evict", () => {
  const preempt: Answer = ({ NodeNameToMetaVictims }) => ({ nodeNameToMetaVictims: { b: (NodeNameToMetaVictims as Record<string, object>).b } });
  return extended({ preempt }, { preemptVerb: "preempt", nodeCacheCapable: true }, async (server, until) => {
    for (const name of ["a", "b", "c"]) {
      server.put("nodes", makeNode(name));
      server.put("pods", makePod(`on-${name}`, { nodeName: name, requests: { cpu: "4" }, priority: 1 }));
    }
    server.put("pods", makePod("p", { requests: { cpu: "4" }, priority: 10 }));
    await until(() => nodeOf(server, "p"));
    assert.equal(nodeOf(server, "p"), "b");
    assert.ok(server.pod("on-a") && server.pod("on-c") && !server.pod("on-b"));
  });
});
