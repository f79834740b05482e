/** What `import ... from "k8ts"` gives: a cluster inside the process, its typed client, and the resources to use it with. */
export type { UserInfo } from "./api/exchange.ts";
export type { Draft, KubeList, KubeObject, WatchEvent } from "./api/object.ts";
export { isAlreadyExists, isConflict, isNotFound, StatusError } from "./api/status.ts";
export type { Client, Resource, ResourceClient } from "./client/client.ts";
export * from "./client/resources.gen.ts";
export { type Cluster, type StartClusterOptions, startCluster } from "./distro/start-cluster.ts";
export { StageFileError } from "./sim/stage-source.ts";
