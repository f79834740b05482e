import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { emptyDirPlugin, memorySize, pageSize } from "./empty-dir.ts";
import type { PayloadSources } from "./payload.ts";

const podWith = (requests: Record<string, string>[], limits: Record<string, string> = {}): Pod =>
  ({ metadata: { uid: "u" }, spec: { containers: requests.map((r) => ({ resources: { requests: r, limits } })) } }) as unknown as Pod;

test("huge pages are of the size that the pod asks for, and refused where that is not one", () => {
  assert.equal(pageSize(podWith([{ "hugepages-2Mi": "4Mi" }]), "HugePages"), "pagesize=2097152");
  assert.equal(pageSize(podWith([{ "hugepages-2Mi": "4Mi", "hugepages-1Gi": "1Gi" }]), "HugePages-1Gi"), "pagesize=1073741824");
  assert.throws(() => pageSize(podWith([{ "hugepages-2Mi": "4Mi", "hugepages-1Gi": "1Gi" }]), "HugePages"), /multiple huge page sizes/);
  assert.throws(() => pageSize(podWith([{}]), "HugePages-2Mi"), /there is no resource request for huge pages/);
});

test("memory is bounded by the least of the volume, the pod and the node", () => {
  assert.equal(memorySize(podWith([{}]), { sizeLimit: "1Mi" }, { memory: "1Gi" }), "size=1048576");
  assert.equal(memorySize(podWith([{}], { memory: "1Ki" }), { sizeLimit: "1Mi" }, { memory: "1Gi" }), "size=1024");
  assert.equal(memorySize(podWith([{}]), {}, {}), "");
});

test("a directory is prepared once: a restarted kubelet does not touch what the pod has made of it", async () => {
  const root = await mkdtemp(`${tmpdir()}/empty-dir-`);
  const place = { pod: "u", name: "v", path: `${root}/pods/u/volumes/kubernetes.io~empty-dir/v` };
  const request = {
    pod: podWith([]),
    spec: { volume: { name: "v", emptyDir: {} }, name: "v", readOnly: false },
    place,
    sources: { facts: { allocatable: {} } } as unknown as PayloadSources,
    again: false,
  };
  assert.deepEqual(await emptyDirPlugin().setUp(request), { path: place.path, readOnly: false });
  assert.equal((await stat(place.path)).mode & 0o777, 0o777);
  await chmod(place.path, 0o700);
  await writeFile(`${place.path}/file`, "");
  await emptyDirPlugin().setUp(request);
  assert.equal((await stat(place.path)).mode & 0o777, 0o700);
  await emptyDirPlugin().tearDown(place);
  assert.deepEqual(await readdir(`${root}/pods/u/volumes/kubernetes.io~empty-dir`), []);
  assert.deepEqual(await readdir(`${root}/pods/u/plugins/kubernetes.io~empty-dir`), []);
  await assert.rejects(
    emptyDirPlugin().setUp({ ...request, spec: { ...request.spec, volume: { name: "v", emptyDir: { medium: "Floppy" } } } }),
    /unknown storage medium "Floppy"/,
  );
  await rm(root, { recursive: true });
});
