import type { AddressInfo, ListenOptions, Server } from "node:net";

/** Resolves with the port once the server listens; rejects with what the system says (EADDRINUSE, EACCES ...). */
export function listening(server: Server, where: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
