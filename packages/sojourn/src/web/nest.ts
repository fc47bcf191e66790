/** Sessions for Nest 11 and 12, on Express and on Fastify: a thin module over the adapters of those two. */
export type { RequestSession } from "./cookies/request-session.ts";
export { CurrentSession } from "./nest/current-session.ts";
export { RequireUser } from "./nest/require-user.ts";
export {
  SojournModule,
  type SojournModuleAsyncOptions,
  type SojournModuleOptions,
  type VisitorRequest,
} from "./nest/sojourn-module.ts";
