/** What takes a plugin of one type once it has been found (pkg/kubelet/pluginmanager/cache/types.go). */

export type PluginType = "CSIPlugin" | "DRAPlugin" | "DevicePlugin";

/**
 * `name` is the plugin's own, `endpoint` the socket that serves it (the registration socket where the plugin names none),
 * `versions` what it supports.
 */
export interface PluginHandler {
  /** Throws when the plugin must not be registered; the plugin is told the message. */
  validate(name: string, endpoint: string, versions: readonly string[]): void;
  /**
   * A rejection is told to the plugin, and registration is tried again; what was done by then has been undone. Settles soon
   * after `signal` is aborted, which says that the plugin has gone meanwhile.
   */
  register(name: string, endpoint: string, versions: readonly string[], signal: AbortSignal): Promise<void>;
  /** The socket of a registered plugin has gone or been replaced. */
  deregister(name: string, endpoint: string): void;
}
