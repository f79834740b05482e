/** `helm create`'s chart from its first install to its removal. */
import { type Checks, expect, expectText } from "../cluster/checks.ts";
import type { Helm, Release } from "./program.ts";

interface Deployment {
  metadata: { resourceVersion: string; labels: Record<string, string> };
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: { availableReplicas?: number };
}
interface Service {
  spec: { type: string; clusterIP: string; ports: { nodePort?: number }[] };
}

export async function judgeCreatedChart(helm: Helm, checks: Checks): Promise<void> {
  const check = (name: string, work: () => unknown): Promise<boolean> => checks.check(`helm ${helm.major}: created chart: ${name}`, work);
  const deployment = (): Promise<Deployment> => helm.get<Deployment>("deployment web");
  const service = (): Promise<Service> => helm.get<Service>("service web");
  const expectRevisions = async (...wanted: string[]): Promise<void> => {
    const found = (await helm.history("web")).map(({ revision, status }) => `${revision} ${status}`);
    expect(found.join() === wanted.join(), `history is ${found.join()}, not ${wanted.join()}`);
  };

  await check("create and lint", async () => {
    await helm.run("create", "web");
    expectText(await helm.run("lint", "web"), "0 chart(s) failed");
  });
  await check("install --create-namespace --wait", async () => {
    expectText(await helm.run("install", "web", "./web", "--create-namespace", "--wait", "--timeout", "40s"), "STATUS: deployed", "REVISION: 1", "NOTES:");
    const { spec, status, metadata } = await deployment();
    expect(status.availableReplicas === 1, `--wait ended with ${status.availableReplicas} available`);
    expect(metadata.labels["app.kubernetes.io/managed-by"] === "Helm", "no managed-by label");
    return spec.template.spec.containers[0]?.image;
  });
  await check("a name in use is refused", async () =>
    expectText(await helm.refused("install", "web", "./web"), /cannot (re-?use|reuse) a name that is still in use/),
  );
  await check("list, status, get", async () => {
    const [release] = await helm.json<Release[]>("list");
    expect(release?.name === "web" && release.status === "deployed" && release.chart === "web-0.1.0", `list says ${JSON.stringify(release)}`);
    expectText(await helm.run("list", "--all-namespaces"), "web", helm.namespace);
    expectText(
      await helm.run("status", "web", ...(helm.major === 3 ? ["--show-resources"] : [])),
      "RESOURCES:",
      /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+1\/1/,
    );
    expectText(await helm.run("get", "manifest", "web"), "kind: Deployment", "kind: Service", "kind: ServiceAccount");
    expectText(await helm.run("get", "hooks", "web"), "test-connection");
    expectText(await helm.run("get", "values", "web", "--all"), "replicaCount: 1");
    expectText(await helm.run("get", "metadata", "web"), "STATUS: deployed");
    expectText(await helm.run("get", "all", "web"), "COMPUTED VALUES:");
  });
  await check("the manifest applied again by kubectl changes nothing", async () => {
    const manifest = await helm.run("get", "manifest", "web");
    const before = (await deployment()).metadata.resourceVersion;
    const said = await helm.cluster.kubectl(`--namespace ${helm.namespace} diff --server-side --field-manager judge --force-conflicts -f -`, {
      input: manifest,
    });
    expect(said === "", `diff: ${said.slice(0, 500)}`);
    expect((await deployment()).metadata.resourceVersion === before, "the Deployment was written");
  });
  await check("an upgrade that changes nothing writes no object", async () => {
    const before = await deployment();
    await helm.run("upgrade", "web", "./web", "--wait", "--timeout", "40s");
    expect((await deployment()).metadata.resourceVersion === before.metadata.resourceVersion, "the Deployment was written");
    await expectRevisions("1 superseded", "2 deployed");
  });
  let clusterIP = "";
  await check("upgrade: replicas, image tag, type of the Service", async () => {
    clusterIP = (await service()).spec.clusterIP;
    await helm.run("upgrade", "web", "./web", "--set", "replicaCount=3,image.tag=1.29,service.type=NodePort", "--wait", "--timeout", "40s");
    const { spec, status } = await deployment();
    expect(spec.replicas === 3 && status.availableReplicas === 3, `${status.availableReplicas} of ${spec.replicas} available`);
    expectText(spec.template.spec.containers[0]?.image ?? "", /nginx:1\.29$/);
    const changed = (await service()).spec;
    expect(changed.type === "NodePort" && (changed.ports[0]?.nodePort ?? 0) >= 30000 && changed.clusterIP === clusterIP, `Service ${JSON.stringify(changed)}`);
  });
  await check("upgrade --reuse-values keeps what was set", async () => {
    await helm.run("upgrade", "web", "./web", "--reuse-values", "--set", "podAnnotations.seen=yes");
    const { spec } = await deployment();
    expect(spec.replicas === 3, `${spec.replicas} replicas`);
    expectText(await helm.run("get", "values", "web"), 'tag: "1.29"', "seen:");
  });
  await check("rollback to the first revision", async () => {
    expectText(await helm.run("rollback", "web", "1", "--wait", "--timeout", "40s"), "Rollback was a success");
    const { spec } = await deployment();
    expect(spec.replicas === 1, `${spec.replicas} replicas`);
    expectText(spec.template.spec.containers[0]?.image ?? "", /nginx:1\.16\.0$/);
    const back = (await service()).spec;
    expect(back.type === "ClusterIP" && back.ports[0]?.nodePort === undefined && back.clusterIP === clusterIP, `Service ${JSON.stringify(back)}`);
    await expectRevisions("1 superseded", "2 superseded", "3 superseded", "4 superseded", "5 deployed");
    expectText((await helm.lastRevision("web")).description, "Rollback to 1");
  });
  await check("autoscaling and ingress come and go with their values", async () => {
    await helm.run("upgrade", "web", "./web", "--set", "autoscaling.enabled=true,ingress.enabled=true");
    expect((await helm.names("hpa,ingress")).length === 2, `there are ${await helm.names("hpa,ingress")}`);
    await helm.run("upgrade", "web", "./web", "--reset-values");
    expect((await helm.names("hpa,ingress")).length === 0, `there are still ${await helm.names("hpa,ingress")}`);
  });
  await check("test", async () => expectText(await helm.run("test", "web", "--timeout", "40s"), /Phase:\s+Succeeded/));
  await check("what somebody changed by hand is changed back", async () => {
    await helm.kubectl("set image deployment/web web=example/other:1");
    const changed = ["upgrade", "web", "./web", "--set", "image.tag=1.30"];
    if (helm.major === 4) {
      expectText(await helm.refused(...changed), 'conflict with "kubectl-set"', '.spec.template.spec.containers[name="web"].image');
      changed.push("--force-conflicts");
    }
    await helm.run(...changed);
    expectText((await deployment()).spec.template.spec.containers[0]?.image ?? "", /nginx:1\.30$/);
  });
  await check("a broken image rolls back", async () => {
    const atomic = helm.major === 3 ? "--atomic" : "--rollback-on-failure";
    const said = await helm.refused("upgrade", "web", "./web", "--set", "image.tag=missing", atomic, "--timeout", "5s");
    expectText(said, "rolled back due to");
    expectText((await deployment()).spec.template.spec.containers[0]?.image ?? "", /nginx:1\.30$/);
    expect((await helm.lastRevision("web")).status === "deployed", "the last revision is not deployed");
    expectText(await helm.refused("install", "other", "./web", "--set", "image.tag=missing", atomic, "--timeout", "5s"), "uninstalled due to");
    expect((await helm.names("deployment")).join() === "deployment.apps/web", `there are ${await helm.names("deployment")}`);
  });
  await check("uninstall --keep-history, rollback from it, uninstall --wait", async () => {
    await helm.run("uninstall", "web", "--keep-history", "--wait", "--timeout", "40s");
    const kept = await helm.names("deployment,replicaset,service,serviceaccount");
    expect(kept.join() === "serviceaccount/default", `there are ${kept}`);
    expectText(await helm.run("list", "--uninstalled"), "web");
    await helm.run("rollback", "web", "1", "--wait", "--timeout", "40s");
    expect((await deployment()).status.availableReplicas === 1, "nothing is available");
    expectText(await helm.run("uninstall", "web", "--wait", "--timeout", "40s"), 'release "web" uninstalled');
    const left = await helm.names("deployment,replicaset,service,serviceaccount,secret,configmap");
    expect(left.join() === "configmap/kube-root-ca.crt,serviceaccount/default", `there are ${left}`);
    expectText(await helm.refused("status", "web"), "release: not found");
    await helm.kubectl("delete pod web-test-connection");
  });
}
