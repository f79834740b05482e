/** The CSI drivers that took over from plugins inside Kubernetes (k8s.io/csi-translation-lib). */
import type { PersistentVolumeSpec, Volume } from "../../api/types/core-v1.gen.ts";
import { table } from "../../base/table.ts";

export interface MigratedPlugin {
  /** Name of the former plugin. */
  plugin: string;
  driver: string;
}

const plugins = table<MigratedPlugin>({
  awsElasticBlockStore: { plugin: "kubernetes.io/aws-ebs", driver: "ebs.csi.aws.com" },
  azureDisk: { plugin: "kubernetes.io/azure-disk", driver: "disk.csi.azure.com" },
  azureFile: { plugin: "kubernetes.io/azure-file", driver: "file.csi.azure.com" },
  cinder: { plugin: "kubernetes.io/cinder", driver: "cinder.csi.openstack.org" },
  gcePersistentDisk: { plugin: "kubernetes.io/gce-pd", driver: "pd.csi.storage.gke.io" },
  portworxVolume: { plugin: "kubernetes.io/portworx-volume", driver: "pxd.portworx.com" },
  vsphereVolume: { plugin: "kubernetes.io/vsphere-volume", driver: "csi.vsphere.vmware.com" },
});

/** Of a volume of a former plugin, by the source it names. */
export function migratedPlugin(source: PersistentVolumeSpec | Volume): MigratedPlugin | undefined {
  for (const field in plugins) if ((source as unknown as Record<string, unknown>)[field]) return plugins[field];
  return undefined;
}

/** The driver that took over from the plugin of this name. */
export const driverOfPlugin = (plugin: string): string | undefined => Object.values(plugins).find((one) => one.plugin === plugin)?.driver;
