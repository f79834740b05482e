/**
 * No failed request while a Deployment rolls: three web servers with readiness and a preStop of 5 s are restarted over and
 * over (`kubectl rollout restart`) under constant new connections, one a request, through ClusterIP and NodePort in turn.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/rolling-update.ts
 *   --connections N   at least so many (10000), and at least --restarts N rollouts (3)
 *   --workers N       requests under way at the same time (8); --pause MS between two of the same worker (10)
 *   --archives DIR, --kubectl FILE, --data-dir DIR, --port PORT: as in web-application.ts
 */
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { Cluster, clusterFlags } from "./cluster/cluster.ts";
import { Load } from "./cluster/http.ts";

const { values } = parseArgs({
  options: {
    ...clusterFlags,
    connections: { type: "string", default: "10000" },
    restarts: { type: "string", default: "3" },
    workers: { type: "string", default: "8" },
    pause: { type: "string", default: "10" },
  },
});
const cluster = new Cluster(values);
const checks = new Checks("rolling-update");
const kubectl = (args: string): Promise<string> => cluster.kubectl(`--namespace shop ${args}`);
const manifest = join(import.meta.dirname, "../examples/web-application/web-application.yaml");

try {
  await cluster.up();
  await cluster.exampleImages(values.archives, ["web"]);
  // The web servers only: what they proxy to is another matter.
  await cluster.kubectl(`apply -f ${manifest}`);
  await kubectl("delete job/seed deployment/api deployment/store --wait=false");
  await kubectl("rollout status deployment/web --timeout 90s");
  const { spec } = await cluster.json<{ spec: { clusterIP: string } }>("--namespace shop get service web");
  await checks.check("constant requests through ClusterIP and NodePort while it rolls", async () => {
    const load = new Load([`http://${spec.clusterIP}/`, "http://10.244.0.1:30080/"], Number(values.workers), Number(values.pause));
    let restarts = 0;
    try {
      while (load.sent < Number(values.connections) || restarts < Number(values.restarts)) {
        process.stderr.write(`${load.now()} ms: restart ${++restarts}; ${load.sent} requests, ${load.failures.length} failed\n`);
        await kubectl("rollout restart deployment/web");
        await kubectl("rollout status deployment/web --timeout 120s");
      }
      // The last of the old pods are still ending.
      await new Promise((done) => setTimeout(done, 8000));
    } finally {
      await load[Symbol.asyncDispose]();
    }
    const all = `${load.sent} connections, ${restarts} rollouts, ${(load.now() / 1000).toFixed(0)} s`;
    expect(load.failures.length === 0, `${load.failures.length} of ${all} failed: ${load.summary()}`);
    return all;
  });
} finally {
  await checks.check("reset", () => cluster.reset().then(() => {}));
  checks.finish();
}
