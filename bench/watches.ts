/**
 * What idle watches cost, peer and ours in turn: 1,000 watches of all pods over 20 connections of HTTP/2 with TLS and client
 * certificates, half of them JSON and half protobuf, and 1,000 more. The growth of the server's memory (PSS) for each of
 * them, the connections' share included.
 *
 * Usage: node bench/watches.ts [--rounds N] [--only ours|peer] and the other options of bench/apiserver.ts
 */
import { sideBySide } from "./side-by-side.ts";
import { short } from "./statistics.ts";

await sideBySide(
  "watches.json",
  [
    { of: "kibEach", name: ", each of the first 1,000", unit: " KiB" },
    { of: "kibFurther", name: ", each of 1,000 more", unit: " KiB" },
  ],
  ({ step, kibEach = 0, kibFurther = 0 }) => `${step}: ${short(kibEach)} KiB each, ${short(kibFurther)} KiB each of as many more`,
);
