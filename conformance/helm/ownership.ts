/** Who owns which field: releases of Helm 3 in the hands of Helm 4, and Helm 4 beside other appliers. */
import { type Checks, expect, expectText } from "../cluster/checks.ts";
import type { Helm } from "./program.ts";

interface Owned {
  metadata: { managedFields: { manager: string; operation: string; fieldsV1: Record<string, unknown> }[] };
  spec: { replicas: number; template: { spec: { containers: { env?: { name: string }[] }[] } } };
}

export async function judgeOwnership(helm3: Helm, helm4: Helm, checks: Checks): Promise<void> {
  const check = (name: string, work: () => unknown): Promise<boolean> => checks.check(`ownership: ${name}`, work);
  const chart = ["parts", "./parts", "--set", "store.enabled=false"];
  const deployment = async (): Promise<Owned> => JSON.parse(await helm4.kubectl("get deployment parts -o json --show-managed-fields")) as Owned;
  const managers = ({ metadata }: Owned): string =>
    metadata.managedFields
      .map(({ manager, operation }) => `${manager} ${operation}`)
      .sort()
      .join();
  const apply = (replicas: number, ...flags: string[]): Promise<string> =>
    helm4.cluster.kubectl(["--namespace", helm4.namespace, "apply --server-side --field-manager other -f -", ...flags].join(" "), {
      input: JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "parts" }, spec: { replicas } }),
    });

  await check("Helm 4 owns what it applied", async () => {
    for (const helm of [helm3, helm4]) await helm.run("dependency", "update", "./parts");
    await helm4.run("install", ...chart, "--create-namespace", "--wait", "--timeout", "40s");
    expectText(managers(await deployment()), "helm Apply");
  });
  await check("a field of somebody else's is a conflict, and taken by force", async () => {
    await apply(4, "--force-conflicts");
    expectText(await helm4.refused("upgrade", ...chart, "--set", "replicas=2"), 'conflict with "other"', ".spec.replicas");
    expect((await deployment()).spec.replicas === 4, "the conflict was written");
    await helm4.run("upgrade", ...chart, "--set", "replicas=2", "--force-conflicts");
    const now = await deployment();
    expect(now.spec.replicas === 2 && !managers(now).includes("other"), `${now.spec.replicas} of ${managers(now)}`);
  });
  await check("the same value is shared, without a conflict", async () => {
    await apply(2);
    await helm4.run("upgrade", ...chart, "--set", "replicas=2,color=green");
    expectText(managers(await deployment()), "helm Apply", "other Apply");
  });
  await check("a field that the chart gives up goes", async () => {
    await helm4.run("upgrade", ...chart, "--set", "replicas=2,env.A=1,env.B=2");
    await helm4.run("upgrade", ...chart, "--set", "replicas=2,env.B=2");
    const names = (await deployment()).spec.template.spec.containers[0]?.env?.map(({ name }) => name).join();
    expect(names === "B", `variables are ${names}`);
  });
  await check("--server-side=false, and back", async () => {
    await helm4.run("upgrade", ...chart, "--set", "replicas=3,env.B=2,env.C=1", "--server-side=false");
    expect((await deployment()).spec.replicas === 3, "the patch did not act");
    await helm4.run("upgrade", ...chart, "--set", "replicas=1,env.C=1", "--server-side=true", "--force-conflicts");
    const now = await deployment();
    expect(now.spec.replicas === 1, `${now.spec.replicas} replicas`);
    return managers(now);
  });
  await check("--dry-run=server of an upgrade writes nothing", async () => {
    const before = JSON.stringify(await deployment());
    expectText(await helm4.run("upgrade", ...chart, "--set", "replicas=7", "--dry-run=server"), "replicas: 7");
    expect(JSON.stringify(await deployment()) === before, "the Deployment was written");
  });
  await check("--force-replace", async () => {
    await helm4.run("upgrade", ...chart, "--set", "replicas=2", "--force-replace", "--server-side=false");
    expect((await deployment()).spec.replicas === 2, "it was not replaced");
    await helm4.run("uninstall", "parts", "--wait", "--timeout", "40s");
    await helm4.kubectl("delete configmap parts-kept");
  });
  await check("a release of Helm 3 is upgraded by Helm 4, as it was and by server-side apply", async () => {
    await helm3.run("install", ...chart, "--set", "env.A=1,env.B=2", "--create-namespace", "--wait", "--timeout", "40s");
    expectText(managers(await deployment()), "Update");
    await helm4.run("upgrade", ...chart, "--set", "env.B=2,env.C=3", "--wait", "--timeout", "40s");
    await helm4.run("upgrade", ...chart, "--set", "env.C=4,env.D=5", "--server-side=true", "--force-conflicts", "--wait", "--timeout", "40s");
    const now = await deployment();
    const names = now.spec.template.spec.containers[0]?.env?.map(({ name }) => name).join();
    expect(names === "C,D" || names === "B,C,D", `variables are ${names}`);
    return `${names}; ${managers(now)}`;
  });
  await check("Helm 4 rolls back to the revision of Helm 3, tests and uninstalls it", async () => {
    await helm4.run("rollback", "parts", "1", "--wait", "--timeout", "40s");
    const names = (await deployment()).spec.template.spec.containers[0]?.env?.map(({ name }) => name);
    expect(names?.includes("A") && names.includes("B"), `variables are ${names}`);
    expectText(await helm4.run("test", "parts", "--timeout", "40s"), /Phase:\s+Succeeded/);
    await helm4.run("uninstall", "parts", "--wait", "--timeout", "40s");
    expectText(await helm4.refused("status", "parts"), "release: not found");
  });
}
