/** A chart with custom resources, hooks, a dependency and lookups. */
import { type Checks, expect, expectText } from "../cluster/checks.ts";
import { until } from "../cluster/cluster.ts";
import type { Helm } from "./program.ts";

interface Widget {
  spec: { size: number; color?: string; ports: { name: string; port: number }[] };
}
interface Seen {
  data: Record<"namespace" | "nodes" | "widgets" | "absent" | "version" | "has", string>;
}

export async function judgeWholeChart(helm: Helm, checks: Checks): Promise<void> {
  const check = (name: string, work: () => unknown): Promise<boolean> => checks.check(`helm ${helm.major}: whole chart: ${name}`, work);
  const widget = (): Promise<Widget> => helm.get<Widget>("widget parts");
  const upgrade = (...args: string[]): Promise<string> => helm.run("upgrade", "parts", "./parts", ...args);
  const password = (): Promise<string> => helm.kubectl("get secret parts-password -o jsonpath={.data.password}");

  await check("dependency build", async () => {
    await helm.run("dependency", "update", "./parts");
    await helm.run("dependency", "build", "./parts");
    expectText(await helm.run("dependency", "list", "./parts"), /store\s+1\.x\.x\s+file:\/\/\.\.\/store\s+ok/);
  });
  await check("a dry run needs the definitions", async () =>
    expectText(
      await helm.refused("install", "parts", "./parts", "--dry-run=server"),
      "parts.example.com/v1, Kind=Widget: the server could not find the requested resource",
    ),
  );
  await check("install: definitions first, hooks by weight, what they leave", async () => {
    await using jobs = helm.cluster.kubectlBackground(
      `--namespace ${helm.namespace} get jobs --watch --output-watch-events '-o=jsonpath={.type} {.object.metadata.name}{"\\n"}'`,
    );
    await helm.run("install", "parts", "./parts", "--wait", "--wait-for-jobs", "--timeout", "40s");
    await until("the last hook in the watch", 5, () => jobs.text.includes("parts-post"));
    const order = [...jobs.text.matchAll(/ADDED\s+(parts-\S+)/g)].map((match) => match[1]);
    expect(order.join() === "parts-pre-a,parts-pre-b,parts-post", `hooks ran as ${order.join()}`);
    expect((await helm.names("jobs")).join() === "job.batch/parts-post", `Jobs left: ${await helm.names("jobs")}`);
    expectText(await helm.kubectl("get widgets"), /NAME\s+SIZE\nparts\s+3/);
    expect((await helm.names("statefulset")).join() === "statefulset.apps/parts-store", "the dependency is not there");
  });
  await check("--dry-run=client asks nothing, --dry-run=server looks up, neither writes", async () => {
    const before = await helm.names("all,secret,configmap,widget");
    const { metadata } = await helm.get<{ metadata: { uid: string } }>(`namespace ${helm.namespace}`);
    expectText(await helm.run("install", "dry", "./parts", "--dry-run=client"), 'namespace: "none"');
    expectText(await helm.run("install", "dry", "./parts", "--dry-run=server"), `namespace: "${metadata.uid}"`, 'version: "v1.36.3"');
    const after = await helm.names("all,secret,configmap,widget");
    expect(after.join() === before.join(), `there were ${before} and are ${after}`);
  });
  await check("lookups and capabilities", async () => {
    const { data } = await helm.get<Seen>("configmap parts-seen");
    const { metadata } = await helm.get<{ metadata: { uid: string } }>(`namespace ${helm.namespace}`);
    expect(data.namespace === metadata.uid && data.nodes === "1" && data.widgets === "0" && data.absent === "{}", JSON.stringify(data));
    expect(data.version === "v1.36.3" && data.has === "yyyn", JSON.stringify(data));
    const before = await password();
    await upgrade();
    expect((await password()) === before && before.length > 20, "the looked-up password changed");
    expect((await helm.get<Seen>("configmap parts-seen")).data.widgets === "1", "the widget was not looked up");
  });
  await check("a custom resource is changed, defaulted and refused by its rules", async () => {
    await upgrade("--set", "size=5");
    expectText(JSON.stringify((await widget()).spec), '"size":5', '{"name":"size","port":5}');
    await upgrade("--set", "color=");
    expect((await widget()).spec.color === "blue", `color is ${(await widget()).spec.color}`);
    expectText(await helm.refused("upgrade", "parts", "./parts", "--set", "size=200"), "red widgets are smaller than 100");
    expectText(await helm.refused("upgrade", "parts", "./parts", "--set", "size=0"), "spec.size", "should be greater than or equal to 1");
    expect((await helm.lastRevision("parts")).status === "failed", "the refused upgrade is not failed");
    await upgrade();
    expect((await widget()).spec.size === 3, "the upgrade after a failed one did not act");
  });
  await check("a field that does not exist is complained of", async () => {
    const args = ["upgrade", "parts", "./parts", "--set", "extra.replicaz=2"];
    // Helm 3 asks for no field validation, and the server's own choice is a warning.
    if (helm.major === 3) expectText((await helm.result(args)).text, 'unknown field \\"spec.replicaz\\"');
    else expectText(await helm.refused(...args), ".spec.replicaz: field not declared in schema");
    await upgrade("--reset-values");
  });
  await check("a list of containers is merged by name: variables come and go", async () => {
    await upgrade("--set", "env.A=1,env.B=2");
    await helm.kubectl("set env deployment/parts C=3");
    await upgrade("--set", "env.B=4");
    const env = await helm.kubectl("get deployment parts -o jsonpath={.spec.template.spec.containers[0].env}");
    expect(
      [...JSON.parse(env)]
        .map(({ name, value }: { name: string; value: string }) => `${name}=${value}`)
        .sort()
        .join() === "B=4,C=3",
      env,
    );
  });
  await check("tests: all pass, one fails", async () => {
    expectText(await helm.run("test", "parts", "--timeout", "40s"), /Phase:\s+Succeeded/);
    await upgrade("--set", "testCode=3");
    expectText(await helm.refused("test", "parts", "--timeout", "40s"), "parts-test-bad", "failed");
  });
  await check("a hook that fails fails the upgrade, and rollback runs its own hooks", async () => {
    const good = (await helm.history("parts")).filter(({ status }) => status === "deployed").at(-1)?.revision;
    expectText(await helm.refused("upgrade", "parts", "./parts", "--set", "fail=pre-b,size=9", "--timeout", "20s"), "pre-upgrade hooks failed", "parts-pre-b");
    expect((await widget()).spec.size === 3, "it went on after its hook had failed");
    await helm.run("rollback", "parts", String(good), "--wait", "--timeout", "40s");
    expect((await helm.names("jobs")).includes("job.batch/parts-back"), "no post-rollback hook ran");
  });
  await check("two at once: the second is refused", async () => {
    const name = ["upgrade", "parts", "./parts", "--set"];
    const [first, second] = await Promise.all(["size=11", "size=12"].map((size) => helm.result([...name, size])));
    const refused = [first, second].filter((result) => result?.status !== 0);
    expect(refused.length <= 1, `both failed: ${first?.text} ${second?.text}`);
    for (const result of refused)
      expectText(result?.text ?? "", /another operation .* is in progress|already exists|release: already exists|has been modified/);
  });
  await check("an object that is somebody else's is refused, and adopted when told to", async () => {
    await helm.kubectl("create configmap taken-kept");
    const install = ["install", "taken", "./parts", "--set", "store.enabled=false"];
    expectText(await helm.refused(...install), "invalid ownership metadata", "taken-kept");
    await helm.run(...install, "--take-ownership", ...(helm.major === 4 ? ["--force-conflicts"] : []));
    expectText(await helm.kubectl("get configmap taken-kept -o jsonpath={.metadata.annotations}"), '"meta.helm.sh/release-name":"taken"');
    await helm.run("uninstall", "taken", "--wait", "--timeout", "40s");
    await helm.kubectl("delete configmap taken-kept");
  });
  await check("releases kept in ConfigMaps", async () => {
    const env = { HELM_DRIVER: "configmap" };
    const result = await helm.result(["install", "mapped", "./parts", "--set", "store.enabled=false"], { env });
    expect(result.status === 0, result.text);
    expectText(await helm.kubectl("get configmaps -l owner=helm"), "sh.helm.release.v1.mapped.v1");
    expect((await helm.result(["uninstall", "mapped"], { env })).status === 0, "not uninstalled");
    await helm.kubectl("delete configmap mapped-kept");
  });
  await check("somebody with few rights is told which is missing", async () => {
    await helm.kubectl("create serviceaccount poor");
    const as = ["--kube-as-user", `system:serviceaccount:${helm.namespace}:poor`];
    expectText(
      await helm.refused("list", ...as),
      `secrets is forbidden: User "system:serviceaccount:${helm.namespace}:poor" cannot list resource "secrets" in API group "" in the namespace "${helm.namespace}"`,
    );
    await helm.kubectl(`create rolebinding poor --clusterrole=admin --serviceaccount=${helm.namespace}:poor`);
    expectText(await helm.run("list", ...as), "parts");
    expectText(await helm.refused("upgrade", "parts", "./parts", ...as), 'cannot list resource "nodes" in API group "" at the cluster scope');
    await helm.kubectl("delete rolebinding/poor serviceaccount/poor");
  });
  await check("uninstall: the hook before it, definitions and kept objects stay", async () => {
    expectText((await helm.result(["uninstall", "parts", "--wait", "--timeout", "40s"])).text, "kept due to the resource policy", "parts-kept", "uninstalled");
    const left = await helm.names("deployment,statefulset,replicaset,service,widget");
    expect(left.length === 0, `there are ${left}`);
    expect(!(await helm.names("jobs")).includes("job.batch/parts-bye"), "the hook's Job is left");
    expectText(await helm.kubectl("get crd widgets.parts.example.com -o name"), "widgets.parts.example.com");
    await helm.kubectl("delete configmap parts-kept");
    await helm.kubectl("delete jobs,pods --all");
    await helm.kubectl("delete crd widgets.parts.example.com");
  });
}
