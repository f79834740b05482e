/**
 * The same scenarios once with upstream's kube-controller-manager and once with ours, both on upstream's kube-apiserver, or
 * both on ours: what comes of them (objects with their managers, events) must be the same.
 *
 *   node conformance/controllers.ts [--server upstream|ours] [--second ours|upstream] [--only NAMES] [--directory DIR] [--port 25000] [--bin DIR]
 *
 * Prints `equal` or `differs` for each scenario. With `--second upstream` upstream's is held against itself: what differs
 * then is chance.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { namespaces } from "../src/client/resources.gen.ts";
import { Checks, Failed } from "./cluster/checks.ts";
import { attaching, outOfService, reattaching, sharing, takingOver } from "./controllers/attaching.ts";
import { brokenDevices, deviceClaims } from "./controllers/devices.ts";
import { Kube } from "./controllers/kube.ts";
import { metricNames, namesIn, readManager } from "./controllers/manager-port.ts";
import { nodeNetworks, serviceRanges } from "./controllers/networks.ts";
import { differences, type Outcome, outcomeOf } from "./controllers/outcome.ts";
import type { Scenario } from "./controllers/scenario.ts";
import { attributesClass, ephemeralVolumes, expansion, provisioning, reclaiming } from "./controllers/storage.ts";
import { unusedTokens } from "./controllers/tokens.ts";
import { type Side, World } from "./interchange/world.ts";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    server: { type: "string", default: "upstream" },
    second: { type: "string", default: "ours" },
    directory: { type: "string", default: "/var/tmp/k8ts-controllers" },
    port: { type: "string", default: "25000" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
  },
});

const all: readonly Scenario[] = [
  nodeNetworks,
  serviceRanges,
  ephemeralVolumes,
  expansion,
  attributesClass,
  provisioning,
  reclaiming,
  attaching,
  outOfService,
  reattaching,
  takingOver,
  sharing,
  unusedTokens,
  deviceClaims,
  brokenDevices,
];
const server: Side = flags.server === "ours" ? "ours" : "upstream";
const scenarios = all.filter(({ name }) => flags.only?.split(",").includes(name) ?? true);

/** Those that the scenarios are about, and those without which nothing is bound. */
const managed = [
  "device-taint-eviction-controller",
  "ephemeral-volume-controller",
  "legacy-serviceaccount-token-cleaner-controller",
  "node-ipam-controller",
  "persistentvolume-attach-detach-controller",
  "persistentvolume-binder-controller",
  "persistentvolume-expander-controller",
  "persistentvolume-protection-controller",
  "persistentvolumeclaim-protection-controller",
  "resourceclaim-controller",
  "service-cidr-controller",
  "serviceaccount-controller",
  "ttl-controller",
  "volumeattributesclass-protection-controller",
];
const settings = [
  "--allocate-node-cidrs=true",
  "--cluster-cidr=10.244.0.0/22",
  "--service-cluster-ip-range=10.96.0.0/16",
  "--legacy-service-account-token-clean-up-period=1s",
];
/** Milliseconds in which late writes and events follow. */
const calm = 2000;

type Result = Outcome | Error;
interface Course {
  results: Map<string, Result>;
  /** Of the manager, at the end. */
  metrics: string;
  health: string;
}

async function follow(side: Side, port: number, name: string): Promise<Course> {
  const directory = join(flags.directory, name);
  rmSync(directory, { recursive: true, force: true });
  await using world = await World.start({ server, directory, port, bin: flags.bin, bare: true });
  const kubes = new Map<Scenario, Kube>();
  for (const scenario of scenarios) {
    await world.client.resource(namespaces).create("", { metadata: { name: scenario.name } });
    const kube = new Kube(world.client, scenario.name, world.pki.certificate("ca"));
    kubes.set(scenario, kube);
    await scenario.prepare?.(kube);
  }
  await world.manager(side, managed, [...settings, `--client-ca-file=${world.pki.certificatePath("ca")}`]);
  await Promise.all([...kubes.values()].map((kube) => kube.wait("v1/ServiceAccount", "default", "exists", Boolean)));
  const play = async ([scenario, kube]: readonly [Scenario, Kube]): Promise<[string, Result]> => {
    try {
      await scenario.play(kube);
      await pause(calm);
      return [scenario.name, await outcomeOf(kube, scenario)];
    } catch (error) {
      return [scenario.name, error as Error];
    }
  };
  // It counts on every network being free: nobody else may make nodes meanwhile.
  const [first, rest] = [[...kubes].filter(([one]) => one === nodeNetworks), [...kubes].filter(([one]) => one !== nodeNetworks)];
  const results: [string, Result][] = [];
  for (const one of first) results.push(await play(one));
  results.push(...(await Promise.all(rest.map(play))));
  const [metrics, health] = await Promise.all(["/metrics", "/healthz?verbose"].map((path) => readManager(port + 3, world.pki, path)));
  writeFileSync(join(directory, "metrics.txt"), metrics as string);
  return { results: new Map(results), metrics: metrics as string, health: health as string };
}

const checks = new Checks("controllers");
const wanted = await follow("upstream", Number(flags.port), "first");
const found = await follow(flags.second === "upstream" ? "upstream" : "ours", Number(flags.port) + 10, "second");
for (const { name } of scenarios) {
  await checks.check(name, () => {
    const [theirs, ours] = [wanted.results.get(name), found.results.get(name)];
    if (!theirs || !ours) throw new Failed("it was not played");
    if (theirs instanceof Error) throw new Failed(`upstream's did not come to an end: ${theirs.message}`);
    if (ours instanceof Error) throw new Failed(`ours did not come to an end: ${ours.message}`);
    const lines = differences(theirs, ours);
    if (lines.length) throw new Failed(`differs\n  ${lines.join("\n  ")}`);
    return `equal, ${theirs.size} objects and events`;
  });
}
const missing = (theirs: Set<string>, ours: Set<string>, prefix = ""): string[] => [...theirs].filter((one) => one.startsWith(prefix) && !ours.has(one));
const surplus = (one: string): void => {
  if (one) throw new Failed(`not upstream's: ${one}`);
};
await checks.check("queues", () => {
  const [theirs, ours] = [wanted, found].map(({ metrics }) => namesIn(metrics, "workqueue_"));
  surplus(missing(ours as Set<string>, theirs as Set<string>).join(", "));
  return `equal names; upstream has besides: ${missing(theirs as Set<string>, ours as Set<string>).join(", ")}`;
});
await checks.check("metrics", () => {
  const [theirs, ours] = [wanted, found].map(({ metrics }) => metricNames(metrics));
  surplus(missing(ours as Set<string>, theirs as Set<string>).join(", "));
  const families = new Set(missing(theirs as Set<string>, ours as Set<string>).map((one) => one.replace(/[{_].*$/, "")));
  return `${ours?.size} of ${theirs?.size}; families that upstream has besides: ${[...families].join(", ")}`;
});
await checks.check("health", () => {
  const [theirs, ours] = [wanted, found].map(({ health }) => new Set(health.split("\n")));
  surplus(missing(ours as Set<string>, theirs as Set<string>).join(", "));
  return `equal; upstream has besides: ${missing(theirs as Set<string>, ours as Set<string>).join(", ")}`;
});
checks.finish();
process.exit();
