/** Without priority and fairness: so many requests that read and so many that write (k8s.io/apiserver/pkg/server/filters/maxinflight.go). */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import { type Limiter, type Passage, TooManyRequests } from "./limiter.ts";

const reading = new Set(["get", "list", "watch"]);
export const isReading = ({ verb }: RequestInfo, { method }: Pick<ApiRequest, "method">): boolean => reading.has(verb) || method === "HEAD";

export class MaxInFlight implements Limiter {
  readonly queues = false;
  readonly #readers: { most: number; now: number };
  readonly #writers: { most: number; now: number };

  /** 0: no limit. */
  constructor(maxReading: number, maxMutating: number) {
    this.#readers = { most: maxReading, now: 0 };
    this.#writers = { most: maxMutating, now: 0 };
  }
  enter(request: ApiRequest, info: RequestInfo, user: UserInfo, isLong: boolean): Passage | undefined {
    if (isLong) return undefined;
    const kind = isReading(info, request) ? this.#readers : this.#writers;
    if (kind.most === 0) return undefined;
    if (kind.now >= kind.most) {
      // An administrator must always get an answer.
      if (user.groups.includes("system:masters")) return undefined;
      throw new TooManyRequests(1);
    }
    kind.now++;
    let left = false;
    return {
      leave() {
        if (!left) kind.now--;
        left = true;
      },
    };
  }
}
