/** Where device plugins say that they are there: `kubelet.sock`, or the plugin manager (pkg/kubelet/cm/devicemanager/plugin/v1beta1). */
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isExtendedResource } from "../../api/core/resource-names.ts";
import { type GrpcServer, implement, serveGrpc } from "../../base/grpc/server.ts";
import type { PluginHandler } from "../plugin-manager/handler.ts";
import { registration } from "./protocol.ts";

const version = "v1beta1";
const invalidName = (name: string): string => `the ResourceName ${JSON.stringify(name)} is invalid`;

/** Sockets that were there are removed: plugins take that as the sign to register again. */
export async function serveRegistration(directory: string, connect: (resource: string, socket: string) => Promise<void>): Promise<GrpcServer> {
  await mkdir(directory, { recursive: true, mode: 0o750 });
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if ((await lstat(path)).isSocket()) await rm(path, { force: true });
  }
  return serveGrpc(
    join(directory, "kubelet.sock"),
    implement(registration, {
      async Register({ version: asked, resourceName, endpoint }) {
        if (asked !== version)
          throw new Error(`requested API version ${JSON.stringify(asked)} is not supported by kubelet. Supported version is ["${version}"]`);
        if (!isExtendedResource(resourceName)) throw new Error(invalidName(resourceName));
        await connect(resourceName, join(directory, endpoint));
        return {};
      },
    }),
  );
}

export function deviceHandler(connect: (resource: string, socket: string) => Promise<void>, disconnect: (resource: string) => void): PluginHandler {
  return {
    validate(name, _, versions) {
      if (!versions.includes(version)) throw new Error(`manager version, ${version}, is not among plugin supported versions [${versions.join(" ")}]`);
      if (!isExtendedResource(name)) throw new Error(`invalid name of device plugin socket: ${invalidName(name)}`);
    },
    register: (name, endpoint) => connect(name, endpoint),
    deregister: (name) => disconnect(name),
  };
}
