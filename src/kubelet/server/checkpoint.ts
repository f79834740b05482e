/** A container's state, written into an archive by the runtime (KEP-2008; upstream's Kubelet.CheckpointContainer). */
import { mkdir } from "node:fs/promises";
import { formatTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { CriClient } from "../../cri/client.ts";
import { HttpError } from "./routes.ts";

export interface CheckpointOptions {
  cri: CriClient;
  rootDir: string;
  pod: Pod;
  container: string;
  /** Of the runtime's container; undefined where none runs. */
  id: string | undefined;
  /** Milliseconds since the epoch. */
  now: number;
  /** As the request gave it, in seconds. */
  timeout: string | undefined;
}

/** Gives the archive's path. Rejects with HttpError: 404 for a time that is none, 500 where the runtime does not write it. */
export async function checkpoint({ cri, rootDir, pod, container, id, now, timeout }: CheckpointOptions): Promise<string> {
  if (timeout !== undefined && !/^[+-]?\d+$/.test(timeout)) throw new HttpError(404, "cannot parse value of timeout parameter");
  const { namespace = "", name } = pod.metadata;
  const failed = (why: string): HttpError => new HttpError(500, `checkpointing of ${namespace}/${name}/${container} failed (${why})`);
  if (id === undefined) throw failed(`container ${container} not found`);
  const directory = `${rootDir}/checkpoints`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const location = `${directory}/checkpoint-${name}_${namespace}-${container}-${formatTime(now)}.tar`;
  try {
    await cri.call("CheckpointContainer", { containerId: id, location, timeout: Number(timeout ?? 0) });
  } catch (error) {
    throw failed((error as Error).message);
  }
  return location;
}
