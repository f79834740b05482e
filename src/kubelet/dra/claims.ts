/** Claims that drivers were asked to prepare, as they are known here and on the disk (pkg/kubelet/cm/dra/claiminfo.go). */
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { Checkpoint } from "../checkpoint/file.ts";
import { type DeviceState, readClaims, writeClaims } from "./checkpoint.ts";

export interface ClaimInfo {
  uid: string;
  name: string;
  namespace: string;
  /** Pods that use it. */
  pods: Set<string>;
  /** By driver, what it prepared. */
  drivers: Map<string, DeviceState[]>;
  /** Since the kubelet started. */
  prepared: boolean;
}

/** Throws for a claim that nothing was allocated for. */
export function infoOf(claim: ResourceClaim): ClaimInfo {
  const results = claim.status?.allocation?.devices?.results;
  if (!claim.status?.allocation) throw new Error(`ResourceClaim ${claim.metadata.name}: not allocated`);
  return {
    uid: claim.metadata.uid,
    name: claim.metadata.name,
    namespace: claim.metadata.namespace ?? "",
    pods: new Set(),
    drivers: new Map((results ?? []).map(({ driver }) => [driver, []])),
    prepared: false,
  };
}

export class Claims {
  readonly #checkpoint: Checkpoint;
  readonly #claims = new Map<string, ClaimInfo>();

  private constructor(file: string) {
    this.#checkpoint = new Checkpoint(file);
  }
  /** Rejects when the file cannot be read: what was prepared would be forgotten. */
  static async open(file: string): Promise<Claims> {
    const claims = new Claims(file);
    try {
      const text = await claims.#checkpoint.read();
      for (const state of text === undefined ? [] : readClaims(text))
        claims.add({
          uid: state.ClaimUID,
          name: state.ClaimName,
          namespace: state.Namespace,
          pods: new Set(Object.keys(state.PodUIDs ?? {})),
          drivers: new Map(Object.entries(state.DriverState ?? {}).map(([driver, { Devices }]) => [driver, Devices ?? []])),
          prepared: false,
        });
    } catch (error) {
      throw new Error(
        `create ResourceClaim cache: GetOrCreate() on checkpoint state: ${(error as Error).message}; drain this node and remove ${file} before starting the kubelet`,
      );
    }
    return claims;
  }
  get(namespace: string, name: string): ClaimInfo | undefined {
    return this.#claims.get(`${namespace}/${name}`);
  }
  add(claim: ClaimInfo): void {
    this.#claims.set(`${claim.namespace}/${claim.name}`, claim);
  }
  delete(claim: ClaimInfo): void {
    this.#claims.delete(`${claim.namespace}/${claim.name}`);
  }
  all(): Iterable<ClaimInfo> {
    return this.#claims.values();
  }
  /** On the disk when it resolves. */
  async save(): Promise<void> {
    try {
      await this.#checkpoint.save(() =>
        writeClaims(
          [...this.#claims.values()].map((claim) => ({
            ClaimUID: claim.uid,
            ClaimName: claim.name,
            Namespace: claim.namespace,
            PodUIDs: Object.fromEntries([...claim.pods].map((uid) => [uid, {}])),
            DriverState: Object.fromEntries([...claim.drivers].map(([driver, Devices]) => [driver, { Devices }])),
          })),
        ),
      );
    } catch (error) {
      throw new Error(`checkpoint ResourceClaim state: ${(error as Error).message}`);
    }
  }
}
