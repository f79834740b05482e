import { MountError, mount } from "../../linux/mounts.ts";

/** Memory that is never swapped out, where the kernel can promise it. Throws MountError. */
export function mountMemory(target: string, data: string): void {
  const request = { source: "tmpfs", target, type: "tmpfs" };
  try {
    mount({ ...request, data: data ? `${data},noswap` : "noswap" });
  } catch (error) {
    if (!(error instanceof MountError) || error.code !== "EINVAL") throw error;
    mount({ ...request, data });
  }
}
