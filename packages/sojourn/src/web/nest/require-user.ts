/** `@RequireUser()`, and the guards that ask for it. */
import {
  applyDecorators,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from "@nestjs/common";
import { Reflector } from "@nestjs/core";
import { sessionIn } from "./current-session.ts";

const REQUIRED = "sojourn:require-user";

/**
 * Lets only requests in whose session is a user's, and answers others with 401: on a controller, or on one of its
 * handlers, which decides over the controller and over the module's `requireUser`.
 *
 * @example
 * ```ts
 * import { Controller, Get } from "@nestjs/common";
 * import { RequireUser } from "sojourn/nest";
 *
 * @Controller("orders")
 * @RequireUser()
 * export class OrdersController {
 *   @Get()
 *   list() {
 *     return [];
 *   }
 * }
 * ```
 * It brings its guard along, so that it refuses also where the module's does not run: without the module, and in a
 * microservice of a hybrid application, which inherits no global guards.
 * @param required `false` lets everybody in. @default true
 */
export const RequireUser = (required: boolean = true): ClassDecorator & MethodDecorator =>
  required ? applyDecorators(SetMetadata(REQUIRED, true), UseGuards(OWN_GUARD)) : SetMetadata(REQUIRED, false);

/** What the guard knows from the module. */
export interface UserGuardOptions {
  readonly requireUser?: boolean | undefined;
}

/** Runs for every handler of the application, before guards of its own. Where nobody has to be known, it looks at nothing. */
export class UserGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #options: UserGuardOptions;

  constructor(reflector: Reflector, options: UserGuardOptions) {
    this.#reflector = reflector;
    this.#options = options;
  }

  canActivate(context: ExecutionContext): boolean {
    const places = [context.getHandler(), context.getClass()];
    const asked = this.#reflector.getAllAndOverride<boolean | undefined>(REQUIRED, places);
    const isRequired = asked ?? this.#options.requireUser ?? false;
    if (!isRequired || sessionIn(context).userId !== null) return true;
    throw new UnauthorizedException();
  }
}

/** Of `@RequireUser()` itself: no option of a module can turn it off. */
const OWN_GUARD = new UserGuard(new Reflector(), {});
