/** Port-forward of current kubectl: the bytes of a SPDY connection travel as binary messages of a WebSocket (KEP-4006). */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { bytesOf, send } from "./websocket.ts";

export const tunnelPrefix = "SPDY/3.1+";

export function tunnel(socket: WebSocket, kubelet: Duplex, head: Buffer): void {
  const forward = async (): Promise<void> => {
    if (head.length) await send(socket, head);
    for await (const chunk of kubelet as AsyncIterable<Buffer>) await send(socket, chunk);
  };
  forward().then(
    () => socket.close(1000),
    () => socket.terminate(),
  );
  socket.on("message", (data) => {
    if (kubelet.destroyed || kubelet.write(bytesOf(data))) return;
    socket.pause();
    kubelet.once("drain", () => socket.resume());
  });
  socket.on("close", () => kubelet.destroy());
  socket.on("error", () => kubelet.destroy());
}
