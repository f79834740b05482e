/**
 * What containerd itself offers beside the CRI, on the same socket, in the namespace that its CRI uses: the content that
 * images are made of, their names, and snapshots of their file systems (containerd api/services, v1).
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { connectGrpc, type GrpcClient } from "../base/grpc/client.ts";
import { protocolOf } from "../base/grpc/protocol.ts";

export interface ContainerdMount {
  type: string;
  source: string;
  options: string[];
}
export interface ContainerdDescriptor {
  mediaType: string;
  digest: string;
  size: number;
}
interface SnapshotKey {
  snapshotter: string;
  key: string;
}
interface Mounts {
  mounts: ContainerdMount[];
}
type Unary<Request, Response> = { request: Request; response: Response; stream: false };

export interface SnapshotMethods {
  View: Unary<SnapshotKey & { parent: string; labels: Record<string, string> }, Mounts>;
  Mounts: Unary<SnapshotKey, Mounts>;
  Remove: Unary<SnapshotKey, object>;
}
export interface ContentMethods {
  Read: { request: { digest: string; offset: number; size: number }; response: { offset: number; data: Uint8Array }; stream: true };
}
export interface ImageMethods {
  Get: Unary<{ name: string }, { image: { name: string; target: ContainerdDescriptor } }>;
}

const mountFacts = [
  [1, "type", "string", "one"],
  [2, "source", "string", "one"],
  [4, "options", "string", "many"],
];
const keyFacts = [
  [1, "snapshotter", "string", "one"],
  [2, "key", "string", "one"],
];

const snapshots = protocolOf<SnapshotMethods>({
  package: "containerd.services.snapshots.v1",
  services: { Snapshots: { View: ["ViewRequest", "Mounts", false], Mounts: ["Key", "Mounts", false], Remove: ["Key", "Empty", false] } },
  enums: {},
  messages: {
    ViewRequest: [...keyFacts, [3, "parent", "string", "one"], [4, "labels", "string", "map"]],
    Key: keyFacts,
    Mounts: [[1, "mounts", "Mount", "many"]],
    Mount: mountFacts,
    Empty: [],
  },
} as { package: string });

const content = protocolOf<ContentMethods>({
  package: "containerd.services.content.v1",
  services: { Content: { Read: ["ReadRequest", "ReadResponse", true] } },
  enums: {},
  messages: {
    ReadRequest: [
      [1, "digest", "string", "one"],
      [2, "offset", "int64", "one"],
      [3, "size", "int64", "one"],
    ],
    ReadResponse: [
      [1, "offset", "int64", "one"],
      [2, "data", "bytes", "one"],
    ],
  },
} as { package: string });

const images = protocolOf<ImageMethods>({
  package: "containerd.services.images.v1",
  services: { Images: { Get: ["GetRequest", "GetResponse", false] } },
  enums: {},
  messages: {
    GetRequest: [[1, "name", "string", "one"]],
    GetResponse: [[1, "image", "Image", "one"]],
    Image: [
      [1, "name", "string", "one"],
      [3, "target", "Descriptor", "one"],
    ],
    Descriptor: [
      [1, "mediaType", "string", "one"],
      [2, "digest", "string", "one"],
      [3, "size", "int64", "one"],
    ],
  },
} as { package: string });

export interface ContainerdClient {
  snapshots: GrpcClient<SnapshotMethods>;
  content: GrpcClient<ContentMethods>;
  images: GrpcClient<ImageMethods>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Connects lazily. A runtime that is not containerd rejects each call as unimplemented. */
export function connectContainerd(endpoint: string, clock: Clock = systemClock): ContainerdClient {
  const headers = { "containerd-namespace": "k8s.io" };
  const client = {
    snapshots: connectGrpc(endpoint, snapshots, clock, headers),
    content: connectGrpc(endpoint, content, clock, headers),
    images: connectGrpc(endpoint, images, clock, headers),
  };
  return {
    ...client,
    async [Symbol.asyncDispose]() {
      for (const part of Object.values(client)) await part[Symbol.asyncDispose]();
    },
  };
}
