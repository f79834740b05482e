/** What the kubelet tells of its process: /statusz, and /flagz where it has a command line of its own. */
import type { ZPage } from "../../api/zpages.ts";
import { servedPaths } from "../../kubelet/server/routes.ts";
import { componentPages } from "./component-pages.ts";

export const kubeletPages = (flags?: Readonly<Record<string, string>>): readonly ZPage[] =>
  componentPages("kubelet", () => [...servedPaths, ...(flags ? ["/flagz"] : [])], flags);
