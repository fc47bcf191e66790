/** The suite in workerd: the contract on `/contracts`, and else the service. */
import { memoryStore } from "sojourn";
import { contracts, service } from "./suite.ts";

const answer = service(memoryStore());

// oxlint-disable-next-line import/no-default-export -- where workerd looks for the handlers
export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== "/contracts") return answer(request);
    return Response.json(await contracts({ memory: { open: () => memoryStore(), twoStores: false } }));
  },
};
