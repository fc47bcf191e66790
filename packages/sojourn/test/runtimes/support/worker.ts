/** The suite in workerd: the contract on `/contracts`, ends on `/ends`, and else the service. */
import { memoryStore } from "sojourn";
import { contracts, endReasons, service } from "./suite.ts";

const answer = service(memoryStore());

// oxlint-disable-next-line import/no-default-export -- where workerd looks for the handlers
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/ends") return Response.json(await endReasons());
    if (pathname !== "/contracts") return answer(request);
    return Response.json(await contracts({ memory: { open: () => memoryStore(), twoStores: false } }));
  },
};
