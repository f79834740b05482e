import { memoryStore } from "./memory.ts";
import { storeSuite } from "./suite.ts";

storeSuite("memory", async (clock) => memoryStore({ clock }));
