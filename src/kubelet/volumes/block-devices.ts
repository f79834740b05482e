/** The raw block volumes that a container sees as devices (upstream's makeBlockVolumes). Pure. */
import type { Container } from "../../api/types/core-v1.gen.ts";
import type { ContainerAdditions } from "../lifecycle.ts";
import type { MountedVolumes } from "./plugin.ts";

/** Throws with upstream's text for a volume that is none. */
export function blockDevices(container: Container, volumes: MountedVolumes): ContainerAdditions {
  const devices = (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    if (!devicePath.startsWith("/")) throw new Error(`error DevicePath \`${devicePath}\` must be an absolute path`);
    const volume = volumes.get(name);
    if (!volume?.block) throw new Error(`cannot find volume ${JSON.stringify(name)} to pass into container ${JSON.stringify(container.name)}`);
    return { hostPath: volume.path, containerPath: devicePath, permissions: volume.readOnly ? "r" : "mrw" };
  });
  return { devices };
}
