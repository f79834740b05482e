/**
 * Kueue over the definitions of the version before it: objects written then are converted by its webhook, Jobs are held until
 * their quota is free, preempted and finished, the aggregated API shows who waits, and everything ends through its finalizers.
 */
import { readdirSync, readFileSync } from "node:fs";
import { get as request } from "node:https";
import { join } from "node:path";
import { type Checks, expect, expectText } from "../cluster/checks.ts";
import { type Cluster, until } from "../cluster/cluster.ts";
import { moduleSources } from "../go.ts";
import { kueueBefore } from "../modules.ts";
import { type ExpectedLine, expectCleanLogs } from "./logs.ts";

interface KueueJudge {
  cluster: Cluster;
  checks: Checks;
  logs: string;
  module: string;
}
/** A shell for the Jobs. */
export const workImage = "docker.io/example/work:1";

const group = "kueue.x-k8s.io";

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}
interface Thing {
  apiVersion: string;
  metadata: {
    name: string;
    uid: string;
    generation: number;
    deletionTimestamp?: string;
    finalizers?: string[];
    ownerReferences?: { kind: string; name: string; uid: string }[];
    managedFields?: { manager: string; operation: string; subresource?: string; apiVersion: string }[];
  };
  spec: { suspend?: boolean; cohort?: string; cohortName?: string };
  status?: { conditions?: Condition[]; pendingWorkloads?: number; admittedWorkloads?: number; succeeded?: number };
}

const job = (name: string, priority?: string): object => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: {
    name,
    namespace: "team",
    labels: { [`${group}/queue-name`]: "queue", ...(priority ? { [`${group}/priority-class`]: priority } : {}) },
  },
  spec: {
    template: {
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "work",
            image: workImage,
            args: ["-c", "until [ -e /tmp/done ]; do sleep 0.2; done"],
            resources: { requests: { cpu: "100m" } },
            volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          },
        ],
        volumes: [{ name: "tmp", emptyDir: {} }],
      },
    },
  },
});

/** Status and body. The certificate is one that the operator made for itself. */
function fetched(host: string, port: number, path: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, rejectUnauthorized: false, headers: { authorization: `Bearer ${token}` }, timeout: 10_000 }, (response) => {
      response.setEncoding("utf8");
      let body = "";
      response.on("data", (chunk: string) => (body += chunk)).on("end", () => resolve(`${response.statusCode} ${body}`));
    }).on("error", reject);
  });
}

export async function judgeKueue({ cluster, checks, logs, module }: KueueJudge): Promise<void> {
  const check = (name: string, work: () => unknown): Promise<boolean> => checks.check(`kueue: ${name}`, work);
  const kubectl = (args: string, input?: string): Promise<string> => cluster.kubectl(args, { limit: 120, ...(input === undefined ? {} : { input }) });
  const apply = (...objects: object[]): Promise<string> => kubectl("apply --server-side -f -", objects.map((o) => JSON.stringify(o)).join("\n---\n"));
  const refused = async (object: object): Promise<string> => {
    const { status, text } = await cluster.kubectlResult(["create", "-f", "-"], { input: JSON.stringify(object) });
    expect(status !== 0, `it was accepted: ${text}`);
    return text;
  };
  const get = (what: string): Promise<Thing> => cluster.json<Thing>(`--namespace team get ${what}`);
  const condition = (what: string, type: string, status = "True", seconds = 60): Promise<Thing> =>
    until(`${what} ${type}=${status}`, seconds, async () => {
      const thing = await get(what);
      return thing.status?.conditions?.some((c) => c.type === type && c.status === status) ? thing : undefined;
    });
  const workloadOf = async (name: string): Promise<string> => {
    const { items } = await cluster.json<{ items: Thing[] }>("--namespace team get workloads");
    const own = items.find(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.kind === "Job" && owner.name === name));
    expect(own, `no workload of ${name}`);
    return `workload/${own.metadata.name}`;
  };
  const admitted = async (name: string): Promise<string> => {
    const workload = await until(`a workload of ${name}`, 30, () => workloadOf(name));
    await condition(workload, "Admitted");
    await until(`${name} unsuspended`, 20, async () => (await get(`job ${name}`)).spec.suspend === false);
    return workload;
  };
  const finish = async (name: string): Promise<void> => {
    const pod = await until(`a running pod of ${name}`, 60, async () => {
      const { items } = await cluster.json<{ items: { metadata: { name: string; deletionTimestamp?: string }; status: { phase: string } }[] }>(
        `--namespace team get pods -l batch.kubernetes.io/job-name=${name}`,
      );
      return items.find((p) => p.status.phase === "Running" && p.metadata.deletionTimestamp === undefined)?.metadata.name;
    });
    await kubectl(`--namespace team exec ${pod} -- sh -c '>/tmp/done'`);
    await condition(`job/${name}`, "Complete");
  };
  const pending = async (): Promise<string[]> => {
    const text = await kubectl("get --raw /apis/visibility.kueue.x-k8s.io/v1beta2/clusterqueues/compute/pendingworkloads");
    return (JSON.parse(text) as { items: { metadata: { ownerReferences: { name: string }[] } }[] }).items.map(
      ({ metadata }) => metadata.ownerReferences[0]?.name ?? "",
    );
  };
  const queue = (name: string, cpu: string, extra: object = {}): object => ({
    apiVersion: `${group}/v1beta1`,
    kind: "ClusterQueue",
    metadata: { name },
    spec: {
      namespaceSelector: {},
      cohort: "everyone",
      preemption: { withinClusterQueue: "LowerPriority" },
      resourceGroups: [{ coveredResources: ["cpu"], flavors: [{ name: "plain", resources: [{ name: "cpu", nominalQuota: cpu }] }] }],
      ...extra,
    },
  });

  await check("the definitions of the version before, and objects of v1beta1 without an operator", async () => {
    const directory = join(moduleSources(kueueBefore), "config/components/crd/bases");
    await kubectl(
      "apply --server-side -f -",
      readdirSync(directory)
        .map((file) => readFileSync(join(directory, file), "utf8"))
        .join("\n---\n"),
    );
    await kubectl("wait --for=condition=Established customresourcedefinition --all --timeout=30s");
    await kubectl("create namespace team");
    await apply({ apiVersion: `${group}/v1beta1`, kind: "ResourceFlavor", metadata: { name: "plain" } }, queue("compute", "200m"), {
      apiVersion: `${group}/v1beta1`,
      kind: "LocalQueue",
      metadata: { name: "queue", namespace: "team" },
      spec: { clusterQueue: "compute" },
    });
    expectText(
      await refused(
        queue("wrong", "1", {
          cohort: "",
          resourceGroups: [{ coveredResources: ["cpu", "memory"], flavors: [{ name: "plain", resources: [{ name: "cpu", nominalQuota: 1 }] }] }],
        }),
      ),
      "flavors must have the same number of resources as the coveredResources",
    );
  });
  const installed = await check("kubectl installs its Kustomize tree over them: served versions grow, the Deployment becomes available", async () => {
    const rendered = await kubectl(`kustomize ${join(moduleSources(module), "config/default")}`);
    await kubectl("apply --server-side -f -", rendered.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent"));
    await kubectl("--namespace kueue-system rollout status deployment/kueue-controller-manager --timeout=110s");
    const { spec, status } = await cluster.json<{ spec: { versions: { name: string; storage: boolean }[] }; status: { storedVersions: string[] } }>(
      `get customresourcedefinition clusterqueues.${group}`,
    );
    expect(spec.versions.map(({ name }) => name).join() === "v1beta1,v1beta2", `versions ${JSON.stringify(spec.versions.map(({ name }) => name))}`);
    return `stored: ${status.storedVersions}`;
  });
  if (!installed) {
    process.stdout.write((await cluster.kubectlResult(["--namespace", "kueue-system", "logs", "deployment/kueue-controller-manager", "--tail=20"])).text);
    process.stdout.write(await kubectl("get pods,events --all-namespaces"));
    return;
  }
  await check("its own CA is in the webhooks and in the definitions' conversions", async () => {
    for (const what of [
      "mutatingwebhookconfiguration kueue-mutating-webhook-configuration",
      "validatingwebhookconfiguration kueue-validating-webhook-configuration",
    ]) {
      const { webhooks } = await cluster.json<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(`get ${what}`);
      expect(webhooks.length > 0 && webhooks.every(({ clientConfig }) => clientConfig.caBundle), `${what} lacks a CA`);
    }
    const { spec } = await cluster.json<{ spec: { conversion: { webhook: { clientConfig: { caBundle?: string } } } } }>(
      `get customresourcedefinition workloads.${group}`,
    );
    expect(spec.conversion.webhook.clientConfig.caBundle, "no CA for conversions");
  });
  await check("objects of v1beta1 are read, listed, applied and watched as v1beta2, and back", async () => {
    const ours = `clusterqueues.v1beta2.${group}`;
    const thing = await until("compute active", 60, async () => {
      const now = await get(`${ours} compute`);
      return now.status?.conditions?.some(({ type, status }) => type === "Active" && status === "True") ? now : undefined;
    });
    expect(thing.apiVersion === `${group}/v1beta2` && thing.spec.cohortName === "everyone" && !("cohort" in thing.spec), JSON.stringify(thing.spec));
    expect(thing.metadata.finalizers?.includes(`${group}/resource-in-use`), `finalizers ${thing.metadata.finalizers}`);
    const old = await get(`clusterqueues.v1beta1.${group} compute`);
    expect(old.spec.cohort === "everyone" && old.metadata.generation === thing.metadata.generation, JSON.stringify(old.spec));
    await kubectl(
      "apply --server-side --field-manager=judge -f -",
      JSON.stringify({ apiVersion: `${group}/v1beta2`, kind: "ClusterQueue", metadata: { name: "compute" }, spec: { cohortName: "everyone" } }),
    );
    const { text } = await cluster.kubectlResult(["apply", "--server-side", "--field-manager=judge", "-f", "-"], {
      input: JSON.stringify({ apiVersion: `${group}/v1beta2`, kind: "ClusterQueue", metadata: { name: "compute" }, spec: { cohortName: "others" } }),
    });
    expectText(text, 'conflict with "kubectl"', `.spec.cohort`);
    const owners = (await get(`${ours} compute --show-managed-fields`)).metadata.managedFields;
    return owners
      ?.map(({ manager, operation, subresource = "", apiVersion }) => `${manager} ${operation} ${subresource} ${apiVersion.split("/")[1]}`.replace("  ", " "))
      .join();
  });
  await check("a Job is created suspended by the webhook, gets a workload of its own, runs within the quota and finishes", async () => {
    await apply(job("first"));
    const workload = await admitted("first");
    const { metadata } = await get(workload);
    expect(metadata.ownerReferences?.[0]?.uid === (await get("job first")).metadata.uid, "another owner");
    const created = (await kubectl("--namespace team get events")).replaceAll(/ +/g, " ");
    expectText(created, "QuotaReserved", "Admitted", "CreatedWorkload", "Suspended", "Started");
    await finish("first");
    await condition(workload, "Finished");
  });
  await check("what the quota does not hold waits, the aggregated API shows it, and it runs when another one has ended", async () => {
    await apply(job("one"), job("two"));
    await admitted("one");
    await admitted("two");
    await apply(job("three"));
    const workload = await until("a workload of three", 30, () => workloadOf("three"));
    await condition(workload, "QuotaReserved", "False");
    await until("three in the aggregated API", 30, async () => (await pending()).join() === "three");
    expect((await get("job three")).spec.suspend === true, "three runs");
    await finish("one");
    await admitted("three");
    await until("nothing waits", 30, async () => (await pending()).length === 0);
  });
  await check("the aggregated API is available, in discovery, in OpenAPI, and refuses as an API server does", async () => {
    for (const version of ["v1beta1", "v1beta2"]) await kubectl(`wait --for=condition=Available apiservice ${version}.visibility.kueue.x-k8s.io --timeout=30s`);
    expectText(await kubectl("get --raw /apis/visibility.kueue.x-k8s.io/v1beta2"), "clusterqueues/pendingworkloads", "localqueues/pendingworkloads");
    expectText(await kubectl("api-versions"), "visibility.kueue.x-k8s.io/v1beta1", "visibility.kueue.x-k8s.io/v1beta2");
    expectText(await kubectl("get --raw /openapi/v3"), "apis/visibility.kueue.x-k8s.io/v1beta2");
    const { text } = await cluster.kubectlResult(["get", "--raw", "/apis/visibility.kueue.x-k8s.io/v1beta2/clusterqueues/none/pendingworkloads"]);
    expectText(text, "NotFound");
    const somebody = await cluster.kubectlResult([
      "--as=somebody",
      "get",
      "--raw",
      "/apis/visibility.kueue.x-k8s.io/v1beta2/clusterqueues/compute/pendingworkloads",
    ]);
    expectText(somebody.text, "Forbidden");
  });
  await check("somebody more important preempts the youngest", async () => {
    for (const [name, value] of [
      ["low", 1],
      ["high", 100],
    ] as const)
      await apply({ apiVersion: `${group}/v1beta2`, kind: "WorkloadPriorityClass", metadata: { name }, value });
    await apply(job("urgent", "high"));
    await admitted("urgent");
    const { items } = await cluster.json<{ items: Thing[] }>("--namespace team get workloads");
    const evicted = items.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === "Evicted" && is === "True"));
    const [one] = evicted;
    expect(
      one && evicted.length === 1 && one.status?.conditions?.some(({ reason }) => reason === "Preempted"),
      `evicted: ${evicted.map(({ metadata }) => metadata.name)}`,
    );
    const victim = one.metadata.ownerReferences?.[0]?.name as string;
    expect((await get(`job ${victim}`)).spec.suspend === true, `${victim} runs`);
    await finish("urgent");
    await admitted(victim);
    return victim;
  });
  await check("schema, rule and webhook refuse", async () => {
    expectText(await refused(queue("wrong", "-1")), 'admission webhook "vclusterqueue.kb.io" denied the request', "must be greater than or equal to 0");
    expectText(
      await refused(queue("wrong", "1", { preemption: { reclaimWithinCohort: "Never", borrowWithinCohort: { policy: "LowerPriority" } } })),
      "reclaimWithinCohort=Never and borrowWithinCohort.Policy!=Never",
    );
    expectText(await refused(queue("wrong", "1", { queueingStrategy: "Random" })), 'spec.queueingStrategy: Unsupported value: "Random"');
    const changed = await cluster.kubectlResult(["--namespace", "team", "label", "job", "two", "--overwrite", `${group}/queue-name=other`]);
    expectText(changed.text, "denied the request", "field is immutable");
  });
  await check("metrics ask our token and access reviews: 401 without a token, 403 without a right, then all of them", async () => {
    const proxied = await cluster.kubectlResult([
      "get",
      "--raw",
      "/api/v1/namespaces/kueue-system/services/https:kueue-controller-manager-metrics-service:8443/proxy/metrics",
    ]);
    expectText(proxied.text, /must be logged in|Unauthorized/);
    const { spec } = await cluster.json<{ spec: { clusterIP: string } }>("--namespace kueue-system get service kueue-controller-manager-metrics-service");
    const token = (await kubectl("--namespace team create token default")).trim();
    const metrics = (): Promise<string> => fetched(spec.clusterIP, 8443, "/metrics", token);
    expectText(await metrics(), "403 ");
    await apply({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "reads-metrics" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "kueue-metrics-reader" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace: "team" }],
    });
    // It keeps a refusal for 30 s.
    const text = await until("metrics", 60, async () => {
      const answer = await metrics();
      return answer.startsWith("200 ") ? answer : undefined;
    });
    expectText(text, "kueue_admitted_workloads_total{", "kueue_evicted_workloads_total{");
    await kubectl("delete clusterrolebinding reads-metrics");
  });
  const clean = (): Promise<string> => expectCleanLogs({ cluster, namespace: "kueue-system", keep: logs, expected });
  await check("no errors in the logs of the first pod", clean);
  await check("its pod deleted, the next one takes the lease and goes on", async () => {
    const holder = async (): Promise<string> =>
      (await cluster.json<{ spec: { holderIdentity: string } }>("--namespace kueue-system get lease c1f6bfd2.kueue.x-k8s.io")).spec.holderIdentity;
    const first = await holder();
    // It would try finished ones again when it starts (their quota is given back, which is all that it looks at then).
    await kubectl("--namespace team delete job first one urgent --timeout=60s");
    await kubectl("--namespace kueue-system delete pod -l control-plane=controller-manager");
    await kubectl("--namespace kueue-system rollout status deployment/kueue-controller-manager --timeout=110s");
    await until("another holder", 60, async () => {
      const now = await holder();
      return now !== "" && now !== first;
    });
    for (const name of ["two", "three"]) await finish(name);
  });
  await check("finalizers: a flavor and a queue in use stay until what uses them has gone", async () => {
    await apply(job("last"));
    const workload = await admitted("last");
    for (const what of ["resourceflavor plain", "clusterqueue compute"]) await kubectl(`delete ${what} --wait=false`);
    for (const what of ["resourceflavor plain", "clusterqueue compute"]) expect((await get(what)).metadata.deletionTimestamp, `${what} is not being deleted`);
    await finish("last");
    await condition(workload, "Finished");
    await kubectl("--namespace team delete jobs --all --timeout=60s");
    await kubectl(`wait --for=delete clusterqueue/compute resourceflavor/plain --timeout=60s`);
    await until("no workloads", 60, async () => (await kubectl("--namespace team get workloads -o name")) === "");
  });
  await check("no errors in the logs of the next pod", clean);
  await check("everything deleted, definitions and namespaces too", async () => {
    await kubectl("delete namespace team --timeout=60s");
    const rendered = await kubectl(`kustomize ${join(moduleSources(module), "config/default")}`);
    await kubectl("delete -f - --timeout=100s", rendered);
    expect(!(await kubectl("api-resources -o name")).includes(group), "still in discovery");
  });
}

/** Lines that upstream's API server brings about as well. */
const expected: ExpectedLine[] = [
  {
    line: /the object has been modified; please apply your changes to the latest version/,
    why: "its loops meet over an object, and the later one tries again",
  },
  { line: /"cert-rotation".*Cert secret is not well-formed, missing ca.crt/, why: "it begins with an empty Secret" },
  { line: /Provisioning Requests not supported/, why: "there is no cluster autoscaler" },
  {
    line: /(conversion webhook for|failed calling webhook) .*kueue-webhook-service.*(no endpoints available|connection refused)/,
    why: "it reads and writes objects that its own webhooks convert and judge before those are ready",
  },
  {
    line: /restore info: Job.batch .* field is immutable/,
    why: "the template of a suspended Job is open again when its last pod has gone, for which it does not wait",
  },
];
