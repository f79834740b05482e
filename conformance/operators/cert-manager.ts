/** cert-manager's own chart installed, issuers and certificates through their lives, the chart upgraded and uninstalled. */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { type Checks, expect, expectText } from "../cluster/checks.ts";
import { type Cluster, run, until } from "../cluster/cluster.ts";
import { moduleSources } from "../go.ts";
import { type ExpectedLine, expectCleanLogs } from "./logs.ts";

interface CertManagerJudge {
  cluster: Cluster;
  checks: Checks;
  scratch: string;
  logs: string;
  module: string;
  helm: string;
}
interface Meta {
  name: string;
  uid: string;
  generation?: number;
  ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
  managedFields?: { manager: string; operation: string; subresource?: string }[];
}
interface Conditions {
  metadata: Meta;
  status?: { conditions?: { type: string; status: string; reason: string; observedGeneration?: number }[]; revision?: number };
}
interface Secret {
  metadata: Meta;
  data: Record<string, string>;
}

const certificate = (name: string, spec: object): object => ({
  apiVersion: "cert-manager.io/v1",
  kind: "Certificate",
  metadata: { name, namespace: "shop" },
  spec: { secretName: name, ...spec },
});
const issuer = (name: string, spec: object, kind = "Issuer"): object => ({
  apiVersion: "cert-manager.io/v1",
  kind,
  metadata: { name, ...(kind === "Issuer" ? { namespace: "shop" } : {}) },
  spec,
});
const by = (name: string): object => ({ issuerRef: { name, kind: "Issuer", group: "cert-manager.io" } });

export async function judgeCertManager({ cluster, checks, scratch, logs, module, helm }: CertManagerJudge): Promise<void> {
  const version = module.split("@")[1] as string;
  const parts = ["cert-manager", "cert-manager-webhook", "cert-manager-cainjector"];
  const check = (name: string, work: () => unknown): Promise<boolean> => checks.check(`cert-manager: ${name}`, work);
  const apply = (object: object): Promise<string> => cluster.kubectl("apply --server-side -f -", { input: JSON.stringify(object) });
  const refused = async (object: object): Promise<string> => {
    const { status, text } = await cluster.kubectlResult(["apply", "--server-side", "-f", "-"], { input: JSON.stringify(object) });
    expect(status !== 0, `it was accepted: ${text}`);
    return text;
  };
  const get = <T>(what: string): Promise<T> => cluster.json<T>(`--namespace shop get ${what}`);
  const ready = (what: string, seconds = 60): Promise<Conditions> =>
    until(`${what} Ready`, seconds, async () => {
      const object = await get<Conditions>(what);
      const condition = object.status?.conditions?.find(({ type }) => type === "Ready");
      return condition?.status === "True" && condition.observedGeneration === object.metadata.generation ? object : undefined;
    });
  const leaf = async (name: string): Promise<X509Certificate> =>
    new X509Certificate(Buffer.from((await get<Secret>(`secret ${name}`)).data["tls.crt"] ?? "", "base64"));
  const helmRun = async (...args: string[]): Promise<string> => {
    const { status, text } = await run(helm, args, {
      env: { ...cluster.environment, HELM_CACHE_HOME: scratch, HELM_CONFIG_HOME: scratch, HELM_DATA_HOME: scratch },
      limit: 240,
    });
    expect(status === 0, `helm ${args.slice(0, 2).join(" ")} ended with ${status}: ${text.slice(-1000)}`);
    return text;
  };
  const chart = join(scratch, `cert-manager-${version}.tgz`);
  const settings = ["--namespace", "cert-manager", "--set", "crds.enabled=true,startupapicheck.enabled=false"];

  const installed = await check("Helm 4 installs its chart: definitions, roles, webhooks, three Deployments that become available", async () => {
    await helmRun(
      "package",
      join(moduleSources(module), "deploy/charts/cert-manager"),
      "--version",
      version,
      "--app-version",
      version,
      "--destination",
      scratch,
    );
    expectText(await helmRun("install", "cert-manager", chart, ...settings, "--create-namespace", "--wait", "--timeout", "200s"), "STATUS: deployed");
    const names = (await cluster.kubectl("get customresourcedefinitions -o name")).split("\n").filter((name) => name.includes("cert-manager.io"));
    expect(names.length === 6, `definitions: ${names}`);
    await cluster.kubectl("create namespace shop");
  });
  if (!installed) {
    for (const part of parts)
      process.stdout.write((await cluster.kubectlResult(["--namespace", "cert-manager", "logs", `deployment/${part}`, "--tail=20"])).text);
    process.stdout.write(await cluster.kubectl("get pods,events --all-namespaces"));
    return;
  }
  await check("the injector gives both webhook configurations the CA that the webhook made", async () => {
    const ca = (await cluster.json<Secret>("--namespace cert-manager get secret cert-manager-webhook-ca")).data["ca.crt"];
    for (const kind of ["mutating", "validating"])
      await until(`the ${kind} configuration's CA`, 30, async () => {
        const { webhooks } = await cluster.json<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
          `get ${kind}webhookconfiguration cert-manager-webhook`,
        );
        return webhooks.length > 0 && webhooks.every(({ clientConfig }) => clientConfig.caBundle === ca);
      });
  });
  await check("leases of controller and injector are held and renewed", async () => {
    for (const name of ["cert-manager-controller", "cert-manager-cainjector-leader-election"]) {
      const { spec } = await cluster.json<{ spec: { holderIdentity: string; renewTime: string } }>(`--namespace kube-system get lease ${name}`);
      expectText(spec.holderIdentity, "cert-manager");
      await until(`${name} renewed`, 30, async () => {
        const later = await cluster.json<{ spec: { renewTime: string } }>(`--namespace kube-system get lease ${name}`);
        return later.spec.renewTime !== spec.renewTime;
      });
    }
  });
  await check("self-signed Issuer, root Certificate, CA Issuer, leaf Certificate: the chain verifies", async () => {
    await apply(issuer("self", { selfSigned: {} }));
    await ready("issuer/self");
    await apply(certificate("root", { isCA: true, commonName: "Root", privateKey: { algorithm: "ECDSA", size: 256 }, ...by("self") }));
    await ready("certificate/root");
    await apply(issuer("ca", { ca: { secretName: "root" } }));
    await ready("issuer/ca");
    await apply(certificate("web", { dnsNames: ["web.shop.svc"], duration: "2h", renewBefore: "1h", ...by("ca") }));
    const { status } = await ready("certificate/web");
    expect(status?.revision === 1, `revision ${status?.revision}`);
    const [root, web] = [await leaf("root"), await leaf("web")];
    expect(root.ca && root.verify(root.publicKey) && web.verify(root.publicKey) && web.subjectAltName === "DNS:web.shop.svc", `${web.toString()}`);
    expectText(
      (await cluster.kubectl("--namespace shop get events")).replaceAll(/ +/g, " "),
      "Issuing",
      "Generated",
      "Requested",
      "The certificate has been successfully issued",
    );
  });
  await check("the request is owned by its Certificate, approved, and written by apply on the status subresource", async () => {
    const { items } = await get<{ items: (Conditions & { status: { certificate: string } })[] }>("certificaterequests --show-managed-fields");
    const own = items.find(({ metadata }) => metadata.ownerReferences?.[0]?.name === "web");
    const owner = await get<Conditions>("certificate web");
    expect(
      own?.metadata.ownerReferences?.[0]?.uid === owner.metadata.uid && own.metadata.ownerReferences[0].controller,
      `owners of ${JSON.stringify(own?.metadata)}`,
    );
    expect(
      own.status.conditions?.some(({ type, status }) => type === "Approved" && status === "True"),
      JSON.stringify(own.status.conditions),
    );
    return own.metadata.managedFields?.map(({ manager, operation, subresource = "" }) => `${manager} ${operation} ${subresource}`.trim()).join();
  });
  await check("a ClusterIssuer takes its CA from the operator's namespace", async () => {
    const { data } = await get<Secret>("secret root");
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "cluster-ca", namespace: "cert-manager" }, type: "kubernetes.io/tls", data });
    await apply(issuer("everywhere", { ca: { secretName: "cluster-ca" } }, "ClusterIssuer"));
    await ready("clusterissuer/everywhere");
    await apply(certificate("wide", { dnsNames: ["*.shop.example"], issuerRef: { name: "everywhere", kind: "ClusterIssuer" } }));
    await ready("certificate/wide");
  });
  await check("the webhook refuses, and so do the definitions' schemas", async () => {
    expectText(
      await refused(certificate("bad", { duration: "1h", renewBefore: "2h", dnsNames: ["a"], ...by("ca") })),
      'admission webhook "webhook.cert-manager.io" denied the request',
      "spec.renewBefore",
    );
    expectText(await refused(certificate("bad", { ...by("ca") })), "denied the request", "at least one of");
    expectText(await refused({ ...(certificate("bad", { dnsNames: ["a"] }) as object) }), "spec.issuerRef: Required value");
    expectText(
      await refused(certificate("bad", { dnsNames: ["a"], privateKey: { algorithm: "DSA" }, ...by("ca") })),
      "spec.privateKey.algorithm: Unsupported value",
    );
    const request = await cluster.kubectl("--namespace shop get certificaterequests -o name");
    const { status, text } = await cluster.kubectlResult([
      "--namespace",
      "shop",
      "patch",
      request.split("\n")[0] ?? "",
      "--type=merge",
      "--patch",
      '{"spec":{"isCA":true,"duration":"5h"}}',
    ]);
    expect(status !== 0, "a request was changed");
    expectText(text, "denied the request");
  });
  await check("changed names are issued again, as the next revision; the older request goes when the limit says so", async () => {
    await apply(
      certificate("web", { dnsNames: ["web.shop.svc", "www.shop.example"], duration: "2h", renewBefore: "1h", revisionHistoryLimit: 1, ...by("ca") }),
    );
    await until("revision 2", 60, async () => (await ready("certificate/web")).status?.revision === 2);
    await until("the new names in the Secret", 20, async () => (await leaf("web")).subjectAltName?.includes("www.shop.example"));
    await until("one request of web", 30, async () => {
      const { items } = await get<{ items: Conditions[] }>("certificaterequests");
      return items.filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === "web").length === 1;
    });
  });
  await check("a Secret that is deleted comes again", async () => {
    const before = (await get<Secret>("secret web")).metadata.uid;
    await cluster.kubectl("--namespace shop delete secret web");
    await until("another Secret", 60, async () => (await get<Secret>("secret web")).metadata.uid !== before);
    await ready("certificate/web");
  });
  await check("an annotated Ingress gets a Certificate, which goes with it", async () => {
    const ingress = {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "front", namespace: "shop", annotations: { "cert-manager.io/issuer": "ca" } },
      spec: {
        tls: [{ hosts: ["front.shop.example"], secretName: "front-tls" }],
        rules: [
          { host: "front.shop.example", http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "front", port: { number: 80 } } } }] } },
        ],
      },
    };
    await apply(ingress);
    const { metadata } = await until("front-tls Ready", 60, () => ready("certificate/front-tls"));
    expect(metadata.ownerReferences?.[0]?.kind === "Ingress" && metadata.ownerReferences[0].controller, JSON.stringify(metadata.ownerReferences));
    await cluster.kubectl("--namespace shop delete ingress front");
    await until("the Certificate gone", 60, async () => !(await cluster.kubectl("--namespace shop get certificates -o name")).includes("front-tls"));
  });
  await check("foreground deletion of a Certificate waits for its requests; the Secret stays", async () => {
    await cluster.kubectl("--namespace shop delete certificate wide --cascade=foreground --timeout=60s");
    const { items } = await get<{ items: Conditions[] }>("certificaterequests");
    expect(!items.some(({ metadata }) => metadata.ownerReferences?.[0]?.name === "wide"), "a request is left");
    await get<Secret>("secret wide");
  });
  await check("metrics, through the API server's proxy", async () => {
    const text = await cluster.kubectl("get --raw /api/v1/namespaces/cert-manager/services/cert-manager:9402/proxy/metrics");
    expectText(text, /certmanager_certificate_ready_status\{condition="True",.*name="web",namespace="shop"\} 1/, "certmanager_controller_sync_call_count");
  });
  await check("Helm upgrades it: two controllers, one of them leading; the Certificates stay as they are", async () => {
    const before = await get<Conditions>("certificate web");
    await helmRun("upgrade", "cert-manager", chart, ...settings, "--set", "replicaCount=2", "--wait", "--timeout", "200s");
    const { status } = await cluster.json<{ status: { availableReplicas: number } }>("--namespace cert-manager get deployment cert-manager");
    expect(status.availableReplicas === 2, `${status.availableReplicas} available`);
    expect((await get<Conditions>("certificate web")).status?.revision === before.status?.revision, "web was issued again");
  });
  const clean = (): Promise<string> => expectCleanLogs({ cluster, namespace: "cert-manager", keep: logs, expected });
  await check("the leader's pod deleted, the other one leads and goes on issuing", async () => {
    const holder = async (): Promise<string> =>
      (await cluster.json<{ spec: { holderIdentity: string } }>("--namespace kube-system get lease cert-manager-controller")).spec.holderIdentity;
    const first = await holder();
    await clean();
    await cluster.kubectl(`--namespace cert-manager delete pod ${first.replace("-external-cert-manager-controller", "")}`);
    await until("another leader", 90, async () => {
      const now = await holder();
      return now !== "" && now !== first;
    });
    await apply(certificate("after", { dnsNames: ["after.shop.svc"], ...by("ca") }));
    await ready("certificate/after", 90);
  });
  await check("no errors in the logs", clean);
  await check("uninstalled: definitions stay by their policy, then go with their objects; the namespaces end", async () => {
    expectText(await helmRun("uninstall", "cert-manager", "--namespace", "cert-manager", "--wait"), "kept due to the resource policy");
    await get<Conditions>("certificate web");
    const names = (await cluster.kubectl("get customresourcedefinitions -o name")).split("\n").filter((name) => name.includes("cert-manager.io"));
    await cluster.kubectl(`delete ${names.join(" ")} --timeout=60s`, { limit: 90 });
    await cluster.kubectl("delete namespace shop cert-manager --timeout=90s", { limit: 120 });
    expect(!(await cluster.kubectl("api-resources -o name")).includes("cert-manager.io"), "still in discovery");
  });
}

/** Lines that upstream's API server brings about as well. */
const expected: ExpectedLine[] = [
  {
    line: /"unable to fetch associated secret" err="secrets \\"cert-manager-webhook-ca\\" not found"/,
    why: "the webhook makes its Secret when it has started, for which the injector does not wait (pkg/controller/cainjector/sources.go secretDataSource.ReadCA drops it as not found)",
  },
  {
    line: /"re-queuing item due to error processing" err="certificates\.cert-manager\.io \\"(front-tls|wide)\\" not found"/,
    why: "the judge deletes these as soon as they are Ready, while loops that had read them go on to write their status; only conflicts are no errors (pkg/controller/controller.go worker, UpdateStatus in certificates/issuing, readiness, trigger and keymanager)",
  },
];
