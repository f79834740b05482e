import { createInProcessTransport } from "./in-process-transport.ts";
import { transportSuite } from "./transport-suite.ts";

transportSuite("in-process", async (handler) => ({
  transport: createInProcessTransport({ handler, user: { name: "system:test", groups: ["system:authenticated"] } }),
  close: async () => {},
}));
