import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { openCgroupUsage } from "./cgroup-usage.ts";
import { parseDiskIO } from "./disk-io.ts";
import { parseInterfaces } from "./interfaces.ts";

function withFiles(files: Record<string, string>, look: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "cgroups-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    look(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("groups of version 1 and of version 2 say the same under the same names", () => {
  const expected = { total: 5000, user: 3000, system: 2000, periods: 4, throttledPeriods: 1, throttledTime: 7000, burstPeriods: 0, burstTime: 0 };
  const one = {
    "cpuacct/g/cpuacct.usage": "5000\n",
    "cpuacct/g/cpuacct.usage_user": "3000\n",
    "cpuacct/g/cpuacct.usage_sys": "2000\n",
    "cpu/g/cpu.stat": "nr_periods 4\nnr_throttled 1\nthrottled_time 7000\n",
    "cpu/g/cpu.shares": "512\n",
    "cpu/g/cpu.cfs_quota_us": "-1\n",
    "cpu/g/cpu.cfs_period_us": "100000\n",
    "cpu/g/cgroup.procs": "1\n2\n",
    "memory/g/memory.usage_in_bytes": "1000\n",
    "memory/g/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/g/memory.stat": "cache 1\ntotal_cache 300\ntotal_rss 600\ntotal_inactive_file 200\npgfault 9\npgmajfault 2\n",
    "pids/g/pids.max": "max\n",
    "pids/g/pids.current": "3\n",
    "blkio/g/blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\nTotal 30\n",
    "blkio/g/blkio.throttle.io_serviced_recursive": "8:0 Read 1\n8:0 Write 2\n",
  };
  const two = {
    "cgroup.controllers": "cpu memory\n",
    "g/cpu.stat": "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 4\nnr_throttled 1\nthrottled_usec 7\n",
    "g/cpu.weight": "20\n",
    "g/cpu.max": "max 100000\n",
    "g/cgroup.procs": "1\n2\n",
    "g/memory.current": "1000\n",
    "g/memory.max": "max\n",
    "g/memory.stat": "file 300\nanon 600\ninactive_file 200\npgfault 9\npgmajfault 2\n",
    "g/pids.max": "max\n",
    "g/pids.current": "3\n",
    "g/io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
    "g/cpu.pressure": "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n",
  };
  for (const files of [one, two])
    withFiles(files, (root) => {
      const usage = openCgroupUsage(root);
      assert.deepEqual(usage.cpu("/g"), expected);
      const memory = usage.memory("/g");
      assert.deepEqual([memory?.usage, memory?.workingSet, memory?.cache, memory?.rss, memory?.pageFaults], [1000, 800, 300, 600, 9]);
      const limits = usage.limits("/g");
      assert.deepEqual([limits?.cpuQuota, limits?.cpuPeriod, limits?.memory], [0, 100_000, 0]);
      assert.deepEqual(usage.tasks("/g"), { processes: 2, threads: 3, threadsMax: 0 });
      assert.deepEqual(usage.io("/g"), [{ device: "8:0", readBytes: 10, writtenBytes: 20, reads: 1, writes: 2 }]);
      assert.deepEqual([usage.cpu("/absent"), usage.memory("/absent"), usage.limits("/absent"), usage.tasks("/absent")], Array(4).fill(undefined));
      assert.deepEqual([usage.io("/absent"), usage.processes("/absent"), usage.created("/absent")], [[], [], undefined]);
    });
  withFiles(two, (root) => assert.deepEqual(openCgroupUsage(root).pressure("/g", "cpu")?.some, { total: 12, avg10: 1.5, avg60: 0, avg300: 0 }));
});

test("interfaces of this side are counted, and those of others are not", () => {
  const content = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    5      1    0    0    0     0          0         0      5       1    0    0    0     0       0          0
  eth0: 1000     10    1    2    0     0          0         0   2000      20    3    4    0     0       0          0
veth12:    5      1    0    0    0     0          0         0      5       1    0    0    0     0       0          0
`;
  assert.deepEqual(parseInterfaces(content), [
    {
      name: "eth0",
      receivedBytes: 1000,
      receivedPackets: 10,
      receiveErrors: 1,
      receiveDropped: 2,
      sentBytes: 2000,
      sentPackets: 20,
      sendErrors: 3,
      sendDropped: 4,
    },
  ]);
});

test("a block device is found by its numbers", () => {
  const content = "   8       0 sda 10 1 200 30 40 5 600 70 0 80 100\n   8      16 sdb 1 0 0 0 0 0 0 0 0 0 0\n";
  assert.deepEqual([parseDiskIO(content, "8:0")?.sectorsRead, parseDiskIO(content, "8:0")?.writeTime, parseDiskIO(content, "8:16")?.reads], [200, 0.07, 1]);
  assert.equal(parseDiskIO(content, "8:1"), undefined);
});
