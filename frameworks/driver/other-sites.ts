/** Pages of somebody else, with a form that goes to an app. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Other origins, as long as it is not disposed. */
export interface OtherSites extends AsyncDisposable {
  /** One of another site, and one of the same site: with that one's form, a browser sends the cookies along. */
  readonly origins: readonly string[];
}

/** Serves a page whose only button sends a form to a URL. */
export async function otherSites(target: string): Promise<OtherSites> {
  const page = `<!doctype html><form method="post" action="${target}"><input name="note" value="forged"><button>Win</button></form>`;
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(page));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origins: [`http://127.0.0.1:${port}`, `http://localhost:${port}`],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
