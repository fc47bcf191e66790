/** `SojournModule`: sessions for a whole application of Nest. */
import {
  Inject,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type NestModule,
  type Provider,
} from "@nestjs/common";
import { APP_GUARD, HttpAdapterHost, Reflector } from "@nestjs/core";
import { requireOptions } from "../../options.ts";
import { show } from "../../show.ts";
import type { Mode } from "../../store/reply.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "../cookies/options.ts";
import { sessionMiddleware, type SessionMiddlewareOptions } from "../express.ts";
import { fastifySessions } from "./fastify-sessions.ts";
import { UserGuard, type UserGuardOptions } from "./require-user.ts";

/** What a request of Express and one of Fastify have in common. */
export interface VisitorRequest {
  /** Where it comes from, as the framework knows it. */
  readonly ip?: string | undefined;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
}

/** Options of `SojournModule.forRoot`. */
export interface SojournModuleOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `request.ip` */
  readonly address?: (request: VisitorRequest) => string | undefined;
  /** Whether every handler needs a user, but for those with `@RequireUser(false)`. @default false */
  readonly requireUser?: boolean;
}

/** Options of `SojournModule.forRootAsync`. */
export interface SojournModuleAsyncOptions<Data, M extends Mode> {
  /** Modules that export what is injected. @default none */
  readonly imports?: NonNullable<ModuleMetadata["imports"]>;
  /** What `useFactory` is called with. @default nothing */
  readonly inject?: NonNullable<FactoryProvider["inject"]>;
  /** Makes the options of `forRoot`, or promises them. */
  readonly useFactory: (...injected: never[]) => SojournModuleOptions<Data, M> | Promise<SojournModuleOptions<Data, M>>;
}

const OPTIONS = Symbol("sojourn.options");

/**
 * Gives every request of the application its session as `request.session`, for `@CurrentSession()`, and saves it before
 * the response's headers go out, whatever sends them: handlers, `@Res()`, `@Sse()`, exception filters.
 *
 * What refuses a request is answered by the application's exception filters, and by Nest's own with its HTTP status: 503
 * if the store cannot tell or cannot save, 403 for another site's request, 429 from the guard.
 *
 * @example
 * ```ts
 * import { Module } from "@nestjs/common";
 * import { createSessions } from "sojourn";
 * import { SojournModule } from "sojourn/nest";
 *
 * @Module({ imports: [SojournModule.forRoot({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] })] })
 * export class AppModule {}
 * ```
 */
export class SojournModule implements NestModule {
  readonly #host: HttpAdapterHost;
  readonly #options: SojournModuleOptions<never, Mode>;

  constructor(host: HttpAdapterHost, options: SojournModuleOptions<never, Mode>) {
    requireOptions<object>("SojournModule", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, requireUser: true });
    this.#host = host;
    this.#options = options;
  }

  /** The module, for the imports of the application's root module. */
  static forRoot<Data, M extends Mode>(options: SojournModuleOptions<Data, M>): DynamicModule {
    return moduleWith({ provide: OPTIONS, useValue: options });
  }

  /** The module, where the options come from other providers, such as a service for configuration. */
  static forRootAsync<Data, M extends Mode>({
    imports = [],
    inject = [],
    useFactory,
  }: SojournModuleAsyncOptions<Data, M>): DynamicModule {
    return {
      ...moduleWith({ provide: OPTIONS, inject, useFactory: useFactory as FactoryProvider["useFactory"] }),
      imports,
    };
  }

  /** Called by Nest, before the routes are made. @throws TypeError if the application is neither on Express nor on Fastify */
  configure(): void {
    const { httpAdapter } = this.#host;
    const { requireUser: _, ...options } = this.#options;
    const type = httpAdapter.getType();
    if (type === "fastify") return fastifySessions(httpAdapter.getInstance(), options);
    if (type !== "express") throw new TypeError(`Expected an application on Express or Fastify, got ${show(type)}`);
    // A request of Express has Node's headers, which the middleware does not count on.
    httpAdapter.use(sessionMiddleware(options as SessionMiddlewareOptions<never, Mode>));
  }
}

// What the decorators of a class do, for a build that does not know them.
Module({})(SojournModule);
Inject(HttpAdapterHost)(SojournModule, undefined, 0);
Inject(OPTIONS)(SojournModule, undefined, 1);

function moduleWith(options: Provider): DynamicModule {
  const guard: Provider = {
    provide: APP_GUARD,
    inject: [Reflector, OPTIONS],
    useFactory: (reflector: Reflector, given: UserGuardOptions) => new UserGuard(reflector, given),
  };
  return { module: SojournModule, providers: [options, guard] };
}
