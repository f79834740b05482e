/**
 * Public operators, unmodified, on a real cluster of this clone: cert-manager (controller, webhook and cainjector, installed with its
 * own chart by Helm 4) and Kueue (installed with kubectl from its own Kustomize tree, over the definitions of the version before).
 * They run in pods, with their own service accounts, webhooks, conversions, leases and metrics; what they reconcile is checked, and
 * no line of their logs may tell of an error.
 *
 * Usage: sh conformance/own-machine.sh node conformance/operators.ts [--dir DIR] [--logs DIR] [--only REGEX] [--data-dir DIR] [--port PORT]
 *   --dir   where node conformance/build.ts --images (busybox) and --only cert-manager,kueue,helm4,kubectl put the programs @default /var/tmp/k8ts-judges
 *   --logs  where the operators' logs are kept @default DIR/logs/operators
 *   --only  only the checks whose names match, which build on the ones before them
 * Prints a line for each check; exits 1 where one fails. Root, containers.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { archiveOf, type Image, layerOf } from "../src/distro/images/oci.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { Cluster, clusterFlags } from "./cluster/cluster.ts";
import { certManager, kueue } from "./modules.ts";
import { judgeCertManager } from "./operators/cert-manager.ts";
import { judgeKueue, workImage } from "./operators/kueue.ts";

const { archives: _, ...flags } = clusterFlags;
const { values } = parseArgs({ options: { ...flags, dir: { type: "string", default: "/var/tmp/k8ts-judges" }, logs: { type: "string" } } });
const cluster = new Cluster(values);
const checks = new Checks("operators", values.only);
const scratch = mkdtempSync(join(tmpdir(), "k8ts-operators-"));
const logs = resolve(values.logs ?? join(values.dir, "logs/operators"));
mkdirSync(logs, { recursive: true });

/** An image with one static program in it, for a user that is not root. */
async function imageOf(name: string, program: string, at: string, ...entrypoint: string[]): Promise<Image> {
  const layer = await layerOf([{ name: at, mode: 0o755, content: readFileSync(join(values.dir, program)) }]);
  return { name, layers: [layer], config: { Entrypoint: [`/${at}`, ...entrypoint], User: "65532" } };
}
/** What Jobs run. */
async function shellImage(): Promise<Image> {
  const layer = await layerOf([
    { name: "bin/busybox", mode: 0o755, content: readFileSync(join(values.dir, "busybox")) },
    ...["sh", "sleep"].map((name) => ({ name: `bin/${name}`, mode: 0o777, type: "symlink" as const, linkname: "busybox" })),
  ]);
  return { name: workImage, layers: [layer], config: { Entrypoint: ["sh"], User: "65532" } };
}

const version = (module: string): string => module.split("@")[1] as string;
const certManagerImages = ["controller", "webhook", "cainjector"].map((part) =>
  imageOf(`quay.io/jetstack/cert-manager-${part}:${version(certManager)}`, "bin/cert-manager", "cert-manager", part),
);
const archive = join(scratch, "images.tar");

try {
  const images = await Promise.all([
    ...certManagerImages,
    imageOf("us-central1-docker.pkg.dev/k8s-staging-images/kueue/kueue:main", "bin/kueue", "manager"),
    shellImage(),
  ]);
  writeFileSync(archive, await archiveOf(images));
  await cluster.up();
  const imported = await cluster.k8ts(["image", "import"], [archive]);
  expect(imported.status === 0, `image import: ${imported.text}`);
  await judgeCertManager({ cluster, checks, scratch, logs, module: certManager, helm: join(values.dir, "bin/helm4") });
  await judgeKueue({ cluster, checks, logs, module: kueue });
} finally {
  rmSync(scratch, { recursive: true });
  await cluster.reset();
  checks.finish();
}
