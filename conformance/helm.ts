/**
 * Helm 3 and Helm 4, unmodified, against a cluster of simulated nodes: `helm create`'s chart and one with custom resources, hooks,
 * a dependency and lookups are installed, upgraded, rolled back, tested and uninstalled; then who owns which field.
 *
 * Usage: node conformance/helm.ts [--bin DIR] [--only REGEX] [--data-dir DIR] [--port PORT] [--kubectl FILE]
 *   --bin   where helm3 and helm4 are @default /var/tmp/k8ts-judges/bin (node conformance/build.ts --only helm3,helm4)
 *   --only  only the checks whose names match, which build on the ones before them
 * Prints a line for each check; exits 1 where one fails. No root, no containers.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { Checks } from "./cluster/checks.ts";
import { Cluster, clusterFlags } from "./cluster/cluster.ts";
import { judgeCreatedChart } from "./helm/created-chart.ts";
import { judgeOwnership } from "./helm/ownership.ts";
import { Helm } from "./helm/program.ts";
import { judgeWholeChart } from "./helm/whole-chart.ts";

const { archives: _, ...flags } = clusterFlags;
const { values } = parseArgs({ options: { ...flags, bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" } } });
const cluster = new Cluster(values);
const checks = new Checks("helm", values.only);
const scratch = mkdtempSync(join(tmpdir(), "k8ts-helm-"));
const helm = (major: 3 | 4, namespace: string): Helm =>
  new Helm({ major, namespace, program: join(values.bin, `helm${major}`), home: join(scratch, `${major}-${namespace}`), cluster });

/** A file of stages takes the place of all built-in ones of its kind, so that those are named too. */
const builtIn = join(import.meta.dirname, "../src/sim/stages");
const stages = [
  ...readdirSync(builtIn)
    .filter((name) => name.startsWith("pod-") && name.endsWith(".yaml"))
    .map((name) => join(builtIn, name)),
  join(import.meta.dirname, "helm/stages.yaml"),
];

try {
  await cluster.up("--simulate", ...stages.flatMap((file) => ["--stage", file]));
  for (const major of [3, 4] as const) {
    const namespace = `helm-${major}`;
    await judgeCreatedChart(helm(major, namespace), checks);
    await judgeWholeChart(helm(major, namespace), checks);
  }
  const [three, four] = [helm(3, "owned"), helm(4, "owned")];
  await judgeOwnership(three, four, checks);
} finally {
  rmSync(scratch, { recursive: true });
  await cluster.reset();
  checks.finish();
}
