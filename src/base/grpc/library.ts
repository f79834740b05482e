/** gRPC's library, loaded when somebody first connects: with node:http2 it takes ten megabytes, and most processes never do. */
import { createRequire } from "node:module";

type Library = typeof import("@grpc/grpc-js");

let loaded: Library | undefined;

export function library(): Library {
  loaded ??= createRequire(import.meta.url)("@grpc/grpc-js") as Library;
  return loaded;
}
