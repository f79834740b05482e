/** Claims of devices: made, reserved, given back; pods leave devices that break. The scenario is the scheduler and the driver. */
import type { Kube } from "./kube.ts";
import { pod, type Scenario } from "./scenario.ts";

const claims = "resource.k8s.io/v1/ResourceClaim";
const slices = "resource.k8s.io/v1/ResourceSlice";
const driver = "gpu.example.com";
const request = { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] } };
const allocation = (device: string) => ({
  devices: { results: [{ request: "gpu", driver, pool: "devices", device }] },
});
const finalizer = "resource.kubernetes.io/delete-protection";

const with_ = (name: string, resourceClaims: object[], nodeName?: string) => {
  const made = pod(name, [], nodeName);
  return { ...made, spec: { ...made.spec, resourceClaims } };
};
async function allocate(kube: Kube, name: string, device: string, reservedFor: object[]): Promise<void> {
  await kube.patch(claims, name, { metadata: { finalizers: [finalizer] } });
  await kube.patch(claims, name, { status: { allocation: allocation(device), reservedFor } }, "status");
}
const consumer = async (kube: Kube, name: string) => ({ resource: "pods", name, uid: (await kube.get("v1/Pod", name)).metadata.uid });

export const deviceClaims: Scenario = {
  name: "device-claims",
  compared: [claims],
  async play(kube) {
    await kube.create("resource.k8s.io/v1/ResourceClaimTemplate", { metadata: { name: "gpu" }, spec: { metadata: { labels: { app: "x" } }, spec: request } });
    const own = [{ name: "own", resourceClaimTemplateName: "gpu" }];
    await kube.create("v1/Pod", with_("user", own));
    await kube.create("v1/Pod", with_("lost", [{ name: "own", resourceClaimTemplateName: "missing" }]));
    await kube.told("lost", "FailedResourceClaimCreation");
    await kube.wait("v1/Pod", "user", "has its claim", (one) => one.status.resourceClaimStatuses?.length);
    // Two share one claim; when both are gone it is given back.
    await kube.create(claims, { metadata: { name: "shared" }, spec: request });
    const shared = [{ name: "shared", resourceClaimName: "shared" }];
    for (const name of ["first", "second"]) await kube.create("v1/Pod", with_(name, shared, "nowhere"));
    await allocate(kube, "shared", "dev-1", [await consumer(kube, "first")]);
    await kube.wait(claims, "shared", "is reserved for both", (one) => one.status.reservedFor?.length === 2);
    for (const name of ["first", "second"]) await kube.remove("v1/Pod", name, 0);
    await kube.wait(claims, "shared", "is given back", (one) => !one.status?.allocation && !one.metadata.finalizers);
    // A pod that has ended needs its claim no more.
    const { resourceClaimName } = (await kube.get("v1/Pod", "user")).status.resourceClaimStatuses[0];
    await kube.patch("v1/Pod", "user", { status: { phase: "Succeeded" } }, "status");
    await kube.wait(claims, resourceClaimName, "is gone", (one) => !one);
  },
};

export const brokenDevices: Scenario = {
  name: "broken-devices",
  compared: [claims],
  async play(kube) {
    const slice = (taints: object[], generation: number) => ({
      spec: { driver, pool: { name: "devices", generation, resourceSliceCount: 1 }, allNodes: true, devices: [{ name: "breaks", taints }, { name: "holds" }] },
    });
    await kube.create(slices, { metadata: { name: "devices" }, ...slice([], 1) });
    for (const [name, device] of [
      ["one", "breaks"],
      ["two", "holds"],
    ] as const) {
      await kube.create(claims, { metadata: { name }, spec: request });
      await kube.create("v1/Pod", with_(name, [{ name: "own", resourceClaimName: name }], "nowhere"));
      await allocate(kube, name, device, [await consumer(kube, name)]);
    }
    await kube.patch(slices, "devices", slice([{ key: "broken", effect: "NoExecute" }], 2));
    await kube.told("one", "DeviceTaintManagerEviction");
    await kube.wait("v1/Pod", "one", "is gone", (one) => !one || one.metadata.deletionTimestamp);
    await kube.remove("v1/Pod", "one", 0).catch(() => {});
    await kube.wait(claims, "one", "is given back", (one) => !one.status?.allocation);
  },
};
