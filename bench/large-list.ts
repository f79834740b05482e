/**
 * What large reads do to others, peer and ours in turn: with 30,000 pods one client reads them all, in several forms, while
 * two others get and create single pods. The longest that one of these waited, and before; how long the reading takes.
 *
 * Usage: node bench/large-list.ts [--rounds N] [--only ours|peer] and the other options of bench/apiserver.ts
 */
import { sideBySide } from "./side-by-side.ts";
import { short } from "./statistics.ts";

await sideBySide(
  "large-list.json",
  [
    { of: "othersMax", name: ", the others at most", unit: " ms" },
    { of: "othersP99", name: ", the others, p99", unit: " ms" },
    { of: "seconds", name: ", read in", unit: " s" },
    { of: "serverCPU", name: ", server CPU", unit: " s" },
  ],
  ({ step, seconds = 0, othersBefore = 0, othersMedian = 0, othersP99 = 0, othersMax = 0, others, othersLate = 0, serverCPU = 0, bytesEach = 0, requests }) =>
    `${step}: ${short(seconds)} s for ${short(bytesEach / 2 ** 20)} MiB, ${requests} times; ${others} others: median ${short(othersMedian)} ms, p99 ${short(othersP99)} ms, at most ${short(othersMax)} ms (before ${short(othersBefore)} ms; the client itself was late by ${short(othersLate)} ms at most); ${short(serverCPU)} s of server CPU`,
);
