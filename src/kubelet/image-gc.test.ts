import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import type { CriClient } from "../cri/client.ts";
import { ImageGc, type ImageGcPolicy, unusedImages } from "./image-gc.ts";

interface Fake {
  id: string;
  size: number;
  pinned?: boolean;
  repoTags?: string[];
}
function world(images: Fake[], policy: Partial<ImageGcPolicy> = {}, disk = { capacity: 1000, available: 500 }) {
  const clock = new VirtualClock();
  const used = new Set<string>();
  const removed: string[] = [];
  const told: string[] = [];
  const cri = {
    async call(method: string, request: { image?: { image: string } }) {
      if (method === "ListImages") return { images: images.map((image) => ({ pinned: false, repoTags: [], ...image })) };
      if (method === "ListContainers") return { containers: [...used].map((id) => ({ id, imageRef: id, imageId: id })) };
      removed.push(request.image?.image ?? "");
      images.splice(
        images.findIndex((image) => image.id === request.image?.image),
        1,
      );
      return {};
    },
  } as unknown as CriClient;
  const gc = new ImageGc({
    cri,
    clock,
    policy: { minimumAge: 0, maximumAge: 0, highPercent: 85, lowPercent: 80, keep: new Set(), ...policy },
    events: { node: (_, reason) => told.push(reason) },
    records: { prune: async () => undefined },
    mountedImages: () => ["mounted"],
    usage: () => disk,
  });
  return { clock, used, removed, told, gc, disk };
}

test("pinned images, used ones and the sandbox's are no candidates; the least recently used is the first", () => {
  const image = (id: string, more: Partial<Fake> = {}) => ({ id, size: 1, pinned: false, repoTags: [], ...more });
  const images = [image("new"), image("old"), image("pinned", { pinned: true }), image("used"), image("pause", { repoTags: ["pause:1"] })];
  const uses = new Map([
    ["new", { firstSeen: 1, lastUsed: 9 }],
    ["old", { firstSeen: 2, lastUsed: 5 }],
  ]);
  assert.deepEqual(
    unusedImages(images, uses, new Set(["used"]), new Set(["pause:1"])).map((one) => one.id),
    ["old", "new"],
  );
});

test("a disk that is full is freed down to the low threshold, no further", async () => {
  const { gc, removed, disk } = world([
    { id: "a", size: 60 },
    { id: "b", size: 60 },
    { id: "c", size: 60 },
    { id: "mounted", size: 900 },
  ]);
  disk.available = 200;
  await gc.run();
  assert.deepEqual(removed, []);
  disk.available = 100;
  await gc.run();
  assert.deepEqual(removed, ["a", "b"]);
});

test("when there is not enough to remove, upstream's words say so", async () => {
  const { gc, told } = world([{ id: "a", size: 10 }], {}, { capacity: 1000, available: 100 });
  await assert.rejects(
    gc.run(),
    /^Error: Insufficient free disk space on the node's image filesystem \(90% of 1000 B used\)\. Failed to free sufficient space by deleting unused images \(freed 10 bytes\)\./,
  );
  assert.deepEqual(told, ["FreeDiskSpaceFailed"]);
});

test("an image that nothing used for too long goes, not before the kubelet has run for as long", async () => {
  const { gc, clock, removed, used } = world(
    [
      { id: "a", size: 10 },
      { id: "b", size: 10 },
    ],
    { maximumAge: 1000 },
  );
  used.add("b");
  await gc.run();
  await clock.advance(900);
  await gc.run();
  assert.deepEqual(removed, []);
  await clock.advance(200);
  await gc.run();
  assert.deepEqual(removed, ["a"]);
});
