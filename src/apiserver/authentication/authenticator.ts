/** Authentication: who makes this request (k8s.io/apiserver/pkg/authentication). */
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";

/** Gives undefined when it finds no credential of its kind; rejects with StatusError 401 for one that is wrong. */
export interface Authenticator {
  authenticate(request: ApiRequest): UserInfo | undefined | Promise<UserInfo | undefined>;
}
