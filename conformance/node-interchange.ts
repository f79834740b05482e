/**
 * A node whose programs come from either side, under the specs of a list: upstream's kubelet on our control plane, our
 * kubelet, proxy and names on upstream's, kube-proxy and CoreDNS in the place of ours.
 *
 *   sh conformance/own-machine.sh node conformance/node-interchange.ts COURSE [--list FILE] [--focus REGEX] [--procs N]
 *       [--report FILE] [--directory DIR] [--images TAR] [--bin DIR]
 *
 *   COURSE   upstream-kubelet: everything ours but the kubelet. our-agent: kubelet, proxy and names ours, the control plane
 *            upstream's. upstream-network: everything ours but proxy and names. upstream: nothing ours. ours: nothing upstream's.
 *   --list   @default conformance/lists/one-node.txt
 *
 * Ends with 0 when every spec of the list has passed. Must run on a machine of its own: what it makes ends with that.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { misused, parseArgs } from "../tools/command-line.ts";
import type { Side } from "./interchange/world.ts";
import { NodeOfParts } from "./node/node.ts";

type Parts = Record<"server" | "kubelet" | "proxy" | "dns", Side>;
const courses: Record<string, Parts> = {
  "upstream-kubelet": { server: "ours", kubelet: "upstream", proxy: "ours", dns: "ours" },
  "our-agent": { server: "upstream", kubelet: "ours", proxy: "ours", dns: "ours" },
  "upstream-network": { server: "ours", kubelet: "ours", proxy: "upstream", dns: "upstream" },
  upstream: { server: "upstream", kubelet: "upstream", proxy: "upstream", dns: "upstream" },
  ours: { server: "ours", kubelet: "ours", proxy: "ours", dns: "ours" },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "string", default: join(import.meta.dirname, "lists/one-node.txt") },
    focus: { type: "string" },
    procs: { type: "string", default: "5" },
    report: { type: "string" },
    directory: { type: "string", default: "/var/tmp/k8ts-node" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
  },
});
const parts = courses[positionals[0] ?? ""];
if (!parts) misused(`COURSE is one of ${Object.keys(courses).join(", ")}`);

rmSync(values.directory, { recursive: true, force: true });
await using node = await NodeOfParts.start({ ...parts, directory: values.directory, bin: values.bin, images: values.images });
const optional = (name: "focus" | "report"): string[] => (values[name] ? [`--${name}`, values[name]] : []);
const { status } = spawnSync(
  process.execPath,
  [
    join(import.meta.dirname, "run.ts"),
    values.list,
    "--kubeconfig",
    node.kubeconfig,
    "--procs",
    values.procs,
    "--judges",
    values.bin,
    ...optional("focus"),
    ...optional("report"),
  ],
  { stdio: "inherit" },
);
for (const program of node.programs) if (!program.running) process.stdout.write(`${program.name} has ended: ${program.log().slice(-2000)}\n`);
process.exitCode = status === 0 && node.programs.every((program) => program.running) ? 0 : 1;
