import type { UserInfo } from "../api/exchange.ts";

/** Whom the API server takes itself for when it asks itself (upstream's loopback client). */
export const loopbackUser: UserInfo = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] };
