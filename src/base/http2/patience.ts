/**
 * How long a connection may do nothing, as kube-apiserver has it (k8s.io/apiserver/pkg/server/secure_serving.go over
 * golang.org/x/net/http2): a greeting within 10 s, 90 s without a request, 1 s to hang up. An answer that is complete and of
 * which the peer takes nothing is given up, as upstream's limit of 60 s for a request has it.
 */
import type { Clock, Timer } from "../clock.ts";
import { ErrorCode } from "./frames.ts";
import type { Http2Stream } from "./stream.ts";

/** Until the preface and the first SETTINGS are there. */
const greeting = 10_000;
/** A look at the connection each so often costs nothing while it works; ends are late by one look at most. */
const look = 30_000;
const idleLooks = 3;
const stalledLooks = 2;
const hangUp = 1000;
/** Looks at a peer that takes what is left so slowly that one second is not enough. */
const hangUpLooks = 30;

export interface Watched {
  greeted(): boolean;
  /** Those that are not over. */
  readonly open: { readonly size: number; values(): Iterable<Http2Stream> };
  /** Grows with each request. */
  lastStream(): number;
  /** Bytes that the socket has not taken. */
  unsent(): number;
  /** Ends the connection with a word of goodbye. */
  shutdown(): void;
  destroy(): void;
}

export class Patience {
  readonly #clock: Clock;
  readonly #watched: Watched;
  #timer: Timer;
  /** #watched.lastStream at the last look, when nothing was open. */
  #quietAt = -1;
  #quiet = 0;

  constructor(clock: Clock, watched: Watched) {
    this.#clock = clock;
    this.#watched = watched;
    this.#timer = clock.after(greeting, () => {
      if (watched.greeted()) this.#again();
      else watched.destroy();
    });
  }
  /** Everything is said; the peer gets a moment to take it. */
  leave(looks = hangUpLooks): void {
    this.stop();
    this.#timer = this.#clock.after(hangUp, () => {
      if (this.#watched.unsent() === 0 || looks === 0) this.#watched.destroy();
      else this.leave(looks - 1);
    });
  }
  stop(): void {
    this.#timer.cancel();
  }

  #again(): void {
    this.#timer = this.#clock.after(look, () => this.#look());
  }
  #look(): void {
    const { open } = this.#watched;
    const lastStream = this.#watched.lastStream();
    this.#quiet = open.size === 0 && lastStream === this.#quietAt ? this.#quiet + 1 : 0;
    this.#quietAt = open.size === 0 ? lastStream : -1;
    this.#again();
    if (this.#quiet >= idleLooks) this.#watched.shutdown();
    else for (const stream of [...open.values()]) if (stream.endQueued && !stream.localEnded && ++stream.stalled > stalledLooks) stream.reset(ErrorCode.cancel);
  }
}
