/** Makes the workload of workload.yaml and gives what has revisions a second one. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { loadAll } from "js-yaml";
import type { KubeObject } from "../../src/api/object.ts";
import { isAlreadyExists } from "../../src/api/status.ts";
import type { CertificateSigningRequest } from "../../src/api/types/certificates-v1.gen.ts";
import type { Client, Resource } from "../../src/client/client.ts";
import * as resources from "../../src/client/resources.gen.ts";
import { until } from "../cluster/cluster.ts";
import { observe } from "./observe.ts";
import { unsteady } from "./steady.ts";
import { nodeNames } from "./world.ts";

const resourceOf = (object: KubeObject): Resource => {
  const [version = "", group = ""] = (object.apiVersion ?? "").split("/").reverse();
  const found = Object.values(resources).find((one: Resource) => one.kind === object.kind && one.group === group && one.version === version);
  if (!found) throw new Error(`no resource for ${object.apiVersion} ${object.kind}`);
  return found as Resource;
};

const rolled: Record<string, { resource: Resource; container?: string }> = {
  web: { resource: resources.deployments as Resource, container: "web" },
  replaced: { resource: resources.deployments as Resource },
  db: { resource: resources.statefulsets as Resource, container: "db" },
  many: { resource: resources.statefulsets as Resource },
  agent: { resource: resources.daemonsets as Resource, container: "agent" },
  "by-hand": { resource: resources.daemonsets as Resource },
};

/** Another image. */
export async function rollOut(client: Client, version: number, names: readonly string[] = Object.keys(rolled)): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const { resource, container = "main" } = rolled[name] as (typeof rolled)[string];
      const template = { spec: { containers: [{ name: container, image: `example/any:${version}` }] } };
      await client.resource(resource).patch("main", name, "strategic", { spec: { template } });
    }),
  );
}

/** Resolves when nothing is left to do. */
export async function settled(client: Client, seconds = 90): Promise<void> {
  await until("a steady state", seconds, async () => {
    const lines = unsteady(await observe(client));
    if (lines.length) throw new Error(lines.join("\n  "));
    return true;
  });
}

/** A request for a client certificate, approved. */
export async function requestCertificate(client: Client, name: string, key: string): Promise<void> {
  const pem = execFileSync("openssl", ["req", "-new", "-key", key, "-subj", `/CN=${name}/O=people`], { stdio: ["ignore", "pipe", "pipe"] });
  const api = client.resource(resources.certificatesigningrequests);
  const spec = { request: pem.toString("base64"), signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"], expirationSeconds: 86_400 };
  const made = await api.create("", { metadata: { name }, spec });
  const conditions = [{ type: "Approved", status: "True", reason: "Asked", message: "by the judge", lastUpdateTime: null, lastTransitionTime: null }];
  const approved = { ...made, status: { ...made.status, conditions } } as unknown as CertificateSigningRequest;
  await api.subresource("PUT", "", name, "approval", approved);
  await until(`the certificate ${name}`, 30, async () => (await api.get("", name)).status?.certificate);
}

/** The driver's part: what is to be attached is, until disposed of. */
export function attachVolumes(client: Client): AsyncDisposable {
  const stop = new AbortController();
  const api = client.resource(resources.volumeattachments);
  const look = async (): Promise<void> => {
    for (const attachment of (await api.list()).items) if (!attachment.status?.attached) await api.updateStatus({ ...attachment, status: { attached: true } });
  };
  const work = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      // Gone by now, or written by somebody else: the next look will tell.
      await look().catch(() => undefined);
      await pause(300, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const working = work();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await working;
    },
  };
}

export async function makeWorkload(client: Client, key: string): Promise<void> {
  const managed = { "volumes.kubernetes.io/controller-managed-attach-detach": "true" };
  for (const name of nodeNames) await client.resource(resources.nodes).patch("", name, "merge", { metadata: { annotations: managed } });
  const objects = loadAll(readFileSync(join(import.meta.dirname, "workload.yaml"), "utf8")) as KubeObject[];
  for (const object of objects) {
    const namespace = object.metadata.namespace ?? "";
    if (object.kind === "Pod") await until("the service account of a pod", 30, () => client.resource(resources.serviceaccounts).get(namespace, "default"));
    await client
      .resource(resourceOf(object))
      .create(namespace, object as never)
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
  }
  await makeOwned(client);
  await requestCertificate(client, "before", key);
  await settled(client);
  await rollOut(client, 2);
  await settled(client);
}

async function makeOwned(client: Client): Promise<void> {
  const api = client.resource(resources.configmaps);
  for (const number of [1, 2]) {
    const owner = await api.get("main", `owner-${number}`);
    const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: owner.metadata.name, uid: owner.metadata.uid, blockOwnerDeletion: true }];
    await api.create("main", { metadata: { name: `owned-${number}`, namespace: "main", ownerReferences } });
  }
}
