/**
 * The example web application on a real cluster, by hand as it were: `up` from nothing, images, apply, answers by DNS name,
 * ClusterIP and NodePort, then kubectl's commands one after another, each checked for what it prints. `reset` at the end.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/web-application.ts
 *   --archives DIR   web.tar, api.tar and store.tar (`k8ts image build -o`), instead of building the images
 *   --only REGEX     only the checks whose names match (the cluster and the application come up in any case)
 *   --kubectl FILE, --data-dir DIR, --port PORT
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { Checks, expect, expectText } from "./cluster/checks.ts";
import { Cluster, clusterFlags, until } from "./cluster/cluster.ts";
import { get } from "./cluster/http.ts";

const { values } = parseArgs({ options: clusterFlags });
const cluster = new Cluster(values);
const manifest = join(import.meta.dirname, "../examples/web-application/web-application.yaml");
const nodePort = "http://10.244.0.1:30080";
const always = new Checks("bringing up");
const checks = new Checks("web-application", values.only);
const scratch = mkdtempSync(join(tmpdir(), "k8ts-web-application-"));
const kubectl = (args: string, env?: NodeJS.ProcessEnv): Promise<string> => cluster.kubectl(`--namespace shop ${args}`, env ? { env } : {});

interface Pods {
  items: { metadata: { name: string; deletionTimestamp?: string }; status: { podIP: string } }[];
}
const pods = async (app: string): Promise<string[]> =>
  (await cluster.json<Pods>(`--namespace shop get pods -l app=${app}`)).items.filter((p) => !p.metadata.deletionTimestamp).map((p) => p.metadata.name);
const python = (code: string): Promise<string> =>
  cluster
    .kubectlResult(["--namespace", "shop", "exec", "deploy/api", "--", "python3", "-c", code])
    .then((result) => (result.status === 0 ? result.stdout : Promise.reject(new Error(result.text))));

try {
  const ready =
    (await always.check("up", async () => /The cluster is up \(.*?\)/.exec((await cluster.up()).stdout)?.[0])) &&
    (await always.check("images", () => cluster.exampleImages(values.archives))) &&
    (await always.check("apply", async () =>
      expectText(await cluster.kubectl(`apply -f ${manifest}`), "deployment.apps/web created", "job.batch/seed created"),
    )) &&
    (await always.check("rollout status of all", async () => {
      for (const name of ["store", "api", "web"])
        expectText(await kubectl(`rollout status deployment/${name} --timeout 60s`), `deployment "${name}" successfully rolled out`);
    }));
  always.finish();
  if (ready) await judge();
  else await checks.check("the application came up", () => expect(false, "see above"));
} finally {
  rmSync(scratch, { recursive: true });
  await checks.check("reset", () => cluster.reset().then(() => {}));
  checks.finish();
}

async function judge(): Promise<void> {
  await checks.check("the Job completes", async () => expectText(await kubectl("wait --for=condition=complete job/seed --timeout 60s"), "condition met"));
  await checks.check("NodePort answers, through web, api and store", async () => {
    expectText(await get(nodePort), "It works");
    const { visits } = JSON.parse(await get(`${nodePort}/api/visits`)) as { visits: number };
    expect(visits > 1000, `${visits} visits; the Job had set 1000`);
    return `${visits} visits`;
  });
  await checks.check("ClusterIP answers", async () => {
    const { spec } = await cluster.json<{ spec: { clusterIP: string } }>("--namespace shop get service web");
    expectText(await get(`http://${spec.clusterIP}`), "It works");
    return spec.clusterIP;
  });
  await checks.check("DNS names answer from a pod", async () => {
    for (const name of ["web", "web.shop", "web.shop.svc.cluster.local"])
      expectText(await python(`import urllib.request; print(urllib.request.urlopen("http://${name}/healthz", timeout=5).read().decode())`), "ok");
    expectText(await python(`import socket; print(socket.gethostbyname("kubernetes.default"))`), "10.96.0.1");
  });
  await checks.check("logs -f shows what is written meanwhile", async () => {
    await using following = cluster.kubectlBackground("--namespace shop logs -f deploy/api --tail 1");
    await until("the request in the log", 10, async () => {
      await get(`${nodePort}/api/visits?logs`).catch(() => {});
      return following.text.includes("GET /visits?logs");
    });
  });
  await checks.check("logs --previous of a container that never restarted is refused", async () => {
    const [name] = await pods("web");
    const result = await cluster.kubectlResult(["--namespace", "shop", "logs", "--previous", name as string]);
    expect(result.status !== 0, "it succeeded");
    expectText(result.stderr, `previous terminated container "nginx" in pod "${name}" not found`);
  });
  await checks.check("exec, its exit status and its standard input", async () => {
    expectText(await kubectl("exec deploy/web -- sh -c 'echo $((40+2))'"), /^42\n$/);
    const failing = await cluster.kubectlResult(["--namespace", "shop", "exec", "deploy/web", "--", "sh", "-c", "exit 7"]);
    expect(failing.status === 7, `exit 7 became ${failing.status}: ${failing.stderr}`);
    expectText(await cluster.kubectl("--namespace shop exec -i deploy/web -- wc -c", { input: "x".repeat(100_000) }), /^100000\n$/);
    const absent = await cluster.kubectlResult(["--namespace", "shop", "exec", "deploy/web", "--", "no-such-program"]);
    expect(absent.status !== 0, "a program that does not exist ran");
    expectText(absent.stderr, "no-such-program");
  });
  await checks.check("exec -it is a terminal", async () => {
    const result = await cluster.kubectlOnTerminal("--namespace shop exec -it deploy/web -- sh", "tty; echo a$((40+2))b; exit 3\n");
    expectText(result.stdout, "/dev/pts/", "a42b");
    expect(result.status === 3, `exit 3 became ${result.status}`);
  });
  await checks.check("attach shows what is written from now on", async () => {
    const [name] = await pods("api");
    await using attached = cluster.kubectlBackground(`--namespace shop attach ${name}`);
    await until("the request on the attached output", 10, async () => {
      await get(`${nodePort}/api/visits?attach`).catch(() => {});
      return attached.text.includes("GET /visits?attach");
    });
  });
  await checks.check("run -it with attach, and --rm", async () => {
    const result = await cluster.kubectlOnTerminal(
      "--namespace shop run asked -it --rm --restart=Never --image example/store:1 --image-pull-policy=IfNotPresent --command -- sh",
      "echo a$((40+2))b; exit\n",
    );
    expectText(result.stdout, "a42b", 'pod "asked" deleted');
  });
  await checks.check("cp in and out", async () => {
    const [name] = await pods("web");
    const [here, back] = [join(scratch, "here"), join(scratch, "back")];
    writeFileSync(here, Buffer.alloc(3_000_000, "0123456789\n"));
    await kubectl(`cp ${here} ${name}:/tmp/there`);
    await kubectl(`cp ${name}:/tmp/there ${back}`);
    expect(readFileSync(back).equals(readFileSync(here)), "the file came back changed");
  });
  await checks.check("port-forward to a Service", async () => {
    await using forwarding = cluster.kubectlBackground("--namespace shop port-forward service/web 22390:80");
    await until("Forwarding from", 10, () => forwarding.text.includes("Forwarding from 127.0.0.1:22390 -> 80"));
    for (let n = 0; n < 20; n++) expectText(await get("http://127.0.0.1:22390/"), "It works");
  });
  await checks.check("get with columns, wide, yaml, jsonpath, watch", async () => {
    expectText(await kubectl("get deployment web"), /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\n/, /web\s+3\/3\s+3\s+3/);
    expectText(await kubectl("get pods -o wide"), "NOMINATED NODE", "10.244.0.");
    expectText(await kubectl("get service web -o jsonpath={.spec.ports[0].nodePort}"), /^30080$/);
    expectText(await kubectl("get deployment web -o yaml"), "apiVersion: apps/v1", "terminationGracePeriodSeconds: 30");
    await using watching = cluster.kubectlBackground("--namespace shop get configmaps --watch");
    await until("the list before the watch", 10, () => watching.text.includes("kube-root-ca.crt"));
    await kubectl("create configmap watched");
    await until("the new object", 10, () => watching.text.includes("watched"));
  });
  await checks.check("describe pod, deployment, service, node", async () => {
    const [name] = await pods("web");
    expectText(
      await kubectl(`describe pod ${name}`),
      "Readiness:",
      "http-get http://:http/healthz",
      "QoS Class:",
      "Burstable",
      "Events:",
      "Scheduled",
      "Pulled",
      "Started",
    );
    expectText(await kubectl("describe deployment web"), "RollingUpdateStrategy:  25% max unavailable, 25% max surge", "ScalingReplicaSet", "NewReplicaSet:");
    expectText(await kubectl("describe service web"), "NodePort:", "30080/TCP", /Endpoints:\s+10\.244\.0\.\d+:80/);
    expectText(await cluster.kubectl("describe node"), "Allocated resources:", "KubeletReady", "containerd://");
  });
  await checks.check("explain", async () =>
    expectText(
      await cluster.kubectl("explain deployment.spec.strategy.rollingUpdate.maxSurge"),
      "FIELD: maxSurge <IntOrString>",
      "The maximum number of pods that can be scheduled",
    ),
  );
  await checks.check("rollout restart, history, undo", async () => {
    await kubectl("set env deployment/web COLOR=green");
    await kubectl("rollout status deployment/web --timeout 90s");
    expectText(await kubectl("exec deploy/web -- printenv COLOR"), "green");
    expectText(await kubectl("rollout restart deployment/web"), "deployment.apps/web restarted");
    await kubectl("rollout status deployment/web --timeout 90s");
    expectText(await kubectl("rollout history deployment/web"), /\n1 .*\n2 .*\n3 /);
    expectText(await kubectl("rollout undo deployment/web --to-revision=1"), "deployment.apps/web rolled back");
    await kubectl("rollout status deployment/web --timeout 90s");
    const { spec } = await cluster.json<{ spec: { template: { spec: { containers: { env?: unknown }[] } } } }>("--namespace shop get deployment web");
    expect(spec.template.spec.containers[0]?.env === undefined, "the environment of the undone revision is still there");
  });
  await checks.check("scale up and down", async () => {
    for (const replicas of [5, 2]) {
      expectText(await kubectl(`scale deployment/web --replicas ${replicas}`), "deployment.apps/web scaled");
      await until(
        `${replicas} ready`,
        60,
        async () => (await kubectl("get deployment web -o jsonpath={.status.readyReplicas}/{.status.replicas}")) === `${replicas}/${replicas}`,
      );
    }
  });
  await checks.check("edit", async () => {
    expectText(await kubectl("edit deployment/web", { EDITOR: "sed -i 's/replicas: 2/replicas: 3/'" }), "deployment.apps/web edited");
    await kubectl("rollout status deployment/web --timeout 60s");
    expect((await pods("web")).length === 3, "there are not 3 pods");
    const wrong = await cluster.kubectlResult([
      "--namespace",
      "shop",
      "patch",
      "deployment",
      "web",
      "--type=json",
      "-p",
      '[{"op":"replace","path":"/spec/replicas","value":-1}]',
    ]);
    expect(wrong.status !== 0, "a negative number of replicas was taken");
    expectText(wrong.stderr, 'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0');
  });
  await checks.check("apply again changes nothing, and after edits takes its fields back", async () => {
    expectText(await cluster.kubectl(`apply -f ${manifest}`), "service/web unchanged", "job.batch/seed unchanged");
    expectText(await cluster.kubectl(`diff -f ${manifest}`), /^$/);
  });
  await checks.check("auth can-i, top-level resources, events", async () => {
    expectText(await cluster.kubectl("auth can-i create deployments"), "yes");
    expectText(await cluster.kubectl("api-resources"), "deployments", "deploy", "apps/v1");
    expectText(await kubectl("events --for deployment/web"), "ScalingReplicaSet");
  });
  await checks.check("debug: an ephemeral container uses the pod's network and names", async () => {
    const [name] = await pods("api");
    const result = await cluster.kubectlOnTerminal(
      `--namespace shop debug ${name} -it --image example/store:1 --image-pull-policy=IfNotPresent -- sh -c "sleep 1; redis-cli -h store ping"`,
      "",
    );
    expectText(result.stdout, "NOAUTH");
  });
  await checks.check("delete: pods, Service and namespace go", async () => {
    expectText(await cluster.kubectl(`delete -f ${manifest} --timeout 90s`), 'namespace "shop" deleted', 'deployment.apps "web" deleted');
    const gone = await cluster.kubectlResult(["get", "namespace", "shop"]);
    expectText(gone.stderr, 'Error from server (NotFound): namespaces "shop" not found');
    await until("the NodePort is closed", 5, () =>
      get(nodePort, 1000).then(
        () => false,
        () => true,
      ),
    );
  });
}
