/** Tells each node, in its status.volumesAttached, which volumes it may mount. One write per node at a time, each with all that is known. */
import { isNotFound } from "../../../api/status.ts";
import type { AttachedVolume, Node } from "../../../api/types/core-v1.gen.ts";
import { nodes as nodeResource } from "../../../client/resources.gen.ts";
import type { ControllerContext } from "../../runtime/controller.ts";

const list = (volumes: ReadonlyMap<string, string>): AttachedVolume[] =>
  [...volumes].map(([name, devicePath]) => ({ name, devicePath })).sort((a, b) => (a.name < b.name ? -1 : 1));
const same = (volumes: ReadonlyMap<string, string>, node: Node): boolean => {
  const told = node.status?.volumesAttached ?? [];
  return told.length === volumes.size && told.every(({ name }) => volumes.has(name));
};

export class NodeReports {
  readonly #context: ControllerContext;
  readonly #find: (node: string) => Node | undefined;
  readonly #byNode = new Map<string, Map<string, string>>();
  readonly #dirty = new Set<string>();
  readonly #writing = new Map<string, Promise<void>>();

  constructor(context: ControllerContext, find: (node: string) => Node | undefined) {
    this.#context = context;
    this.#find = find;
  }

  /** Takes over what a node has been told before. */
  adopt({ metadata, status }: Node): void {
    for (const { name, devicePath = "" } of status?.volumesAttached ?? []) this.#of(metadata.name).set(name, devicePath);
  }
  add(node: string, unique: string): void {
    const volumes = this.#of(node);
    if (volumes.has(unique)) return;
    volumes.set(unique, "");
    this.#dirty.add(node);
  }
  remove(node: string, unique: string): void {
    if (this.#byNode.get(node)?.delete(unique)) this.#dirty.add(node);
  }
  /** A node that came anew, or whose status somebody else replaced, is told again. Returns whether there is something to write. */
  check(node: Node): boolean {
    const volumes = this.#byNode.get(node.metadata.name);
    if (volumes && !this.#writing.has(node.metadata.name) && !same(volumes, node)) this.#dirty.add(node.metadata.name);
    return this.#dirty.has(node.metadata.name);
  }

  /** Resolves when the node has been told all that was known at the call; a node that is gone needs telling no more. */
  async flush(node: string): Promise<void> {
    for (let busy = this.#writing.get(node); busy; busy = this.#writing.get(node)) await busy.catch(() => {});
    if (!this.#dirty.delete(node)) return;
    const write = this.#write(node);
    this.#writing.set(node, write);
    try {
      await write;
    } catch (error) {
      this.#dirty.add(node);
      throw error;
    } finally {
      this.#writing.delete(node);
    }
  }

  async #write(name: string): Promise<void> {
    const { client, signal } = this.#context;
    if (!this.#find(name)) return;
    const volumesAttached = list(this.#of(name));
    const status = { volumesAttached: volumesAttached.length ? volumesAttached : null };
    try {
      await client.resource(nodeResource).patch("", name, "strategic", { status }, { subresource: "status", signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #of(node: string): Map<string, string> {
    const volumes = this.#byNode.get(node) ?? new Map<string, string>();
    this.#byNode.set(node, volumes);
    return volumes;
  }
}
