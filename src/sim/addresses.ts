/** IPv4 addresses of simulated nodes and pods: each pod's is its own as long as the pod exists. */
import type { Node } from "../api/types/core-v1.gen.ts";

/** A node has the first address of its pod network, its pods have those after it. */
export class Addresses {
  readonly #shared: Network;
  readonly #networks = new Map<string, Network>();
  readonly #nodes = new Map<string, { network: Network; own: string }>();
  /** By pod uid. */
  readonly #pods = new Map<string, { network: Network; ip: string }>();

  /** `shared`: the network of pods whose node has none of its own. */
  constructor(shared: string) {
    this.#shared = new Network(shared);
  }

  addNode(node: Node): void {
    const cidr = node.spec?.podCIDR;
    const network = cidr?.includes(".") ? this.#networkOf(cidr) : this.#shared;
    const known = this.#nodes.get(node.metadata.name);
    const reported = node.status?.addresses?.find((address) => address.type === "InternalIP")?.address;
    if (known && known.network === network && (!reported || reported === known.own)) return;
    if (reported) network.reserve(reported);
    this.#nodes.set(node.metadata.name, { network, own: reported ?? known?.own ?? network.take() });
  }
  removeNode(name: string): void {
    const node = this.#nodes.get(name);
    if (node?.network === this.#shared) node.network.free(node.own);
    this.#nodes.delete(name);
  }
  /** None for a node that is not known. */
  ofNode(name: string): string[] {
    const node = this.#nodes.get(name);
    return node ? [node.own] : [];
  }

  /** The pod's address, from now on its own. Throws when the network has none left. */
  ofPod(uid: string, nodeName: string): string {
    const known = this.#pods.get(uid);
    if (known) return known.ip;
    const network = this.#nodes.get(nodeName)?.network ?? this.#shared;
    const ip = network.take();
    this.#pods.set(uid, { network, ip });
    return ip;
  }
  /** A pod that was given its address earlier, by another process. */
  remember(uid: string, nodeName: string, ip: string): void {
    const network = this.#nodes.get(nodeName)?.network ?? this.#shared;
    if (this.#pods.has(uid) || !network.reserve(ip)) return;
    this.#pods.set(uid, { network, ip });
  }
  release(uid: string): void {
    const pod = this.#pods.get(uid);
    pod?.network.free(pod.ip);
    this.#pods.delete(uid);
  }

  #networkOf(cidr: string): Network {
    let network = this.#networks.get(cidr);
    if (!network) {
      network = new Network(cidr);
      this.#networks.set(cidr, network);
    }
    return network;
  }
}

/** Gives out the addresses of a network in turn, so that one that was freed rests as long as possible. */
class Network {
  readonly #cidr: string;
  readonly #base: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 1;

  constructor(cidr: string) {
    const [address, bits] = cidr.split("/") as [string, string];
    this.#cidr = cidr;
    this.#size = 2 ** (32 - Number(bits));
    this.#base = numberOf(address) - (numberOf(address) % this.#size);
  }
  take(): string {
    // The first address is the network's, the last one its broadcast.
    if (this.#used.size >= this.#size - 2) throw new Error(`the pod network ${this.#cidr} has no address left`);
    while (this.#used.has(this.#next)) this.#next = (this.#next % (this.#size - 2)) + 1;
    const taken = this.#next;
    this.#used.add(taken);
    this.#next = (taken % (this.#size - 2)) + 1;
    return textOf(this.#base + taken);
  }
  /** False where it is not of this network or taken. */
  reserve(ip: string): boolean {
    const at = numberOf(ip) - this.#base;
    if (!(at > 0 && at < this.#size - 1) || this.#used.has(at)) return false;
    this.#used.add(at);
    return true;
  }
  free(ip: string): void {
    this.#used.delete(numberOf(ip) - this.#base);
  }
}

/** The `index`-th network of /`bits` inside `cidr`. */
export function subnet(cidr: string, bits: number, index: number): string {
  const [address, outer] = cidr.split("/") as [string, string];
  if (index >= 2 ** (bits - Number(outer))) throw new Error(`${cidr} holds ${2 ** (bits - Number(outer))} networks of /${bits}, not ${index + 1}`);
  return `${textOf(numberOf(address) + index * 2 ** (32 - bits))}/${bits}`;
}

const numberOf = (ip: string): number => ip.split(".").reduce((n, octet) => n * 256 + Number(octet), 0);
const textOf = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join(".");
