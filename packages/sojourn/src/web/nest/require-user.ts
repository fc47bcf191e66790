/** `@RequireUser()`, and the guard that asks for it. */
import {
  SetMetadata,
  UnauthorizedException,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from "@nestjs/common";
import type { Reflector } from "@nestjs/core";
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
 * @param required `false` lets everybody in. @default true
 */
export const RequireUser = (required: boolean = true): CustomDecorator => SetMetadata(REQUIRED, required);

/** What the guard knows from the module. */
export interface UserGuardOptions {
  readonly requireUser?: boolean | undefined;
}

/** Runs for every handler of the application. Where nobody has to be known, it looks at nothing. */
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
