/**
 * The little of express-session that the library builds on, declared by hand: its own types bring those of a runtime.
 * The tests compile the same sources against the real ones.
 */
declare module "express-session" {
  export interface SessionData {
    cookie: Cookie;
  }
  interface Cookie {
    originalMaxAge: number | null;
    expires?: object | null | undefined;
  }
  export interface Session {
    readonly id: string;
  }
  interface Request {
    session: Session & Partial<SessionData>;
    sessionID: string;
  }

  export abstract class Store {
    regenerate(req: Request, callback: (error?: unknown) => void): void;
    load(sid: string, callback: (error: unknown, session?: SessionData) => void): void;
    createSession(req: Request, session: SessionData): Session & SessionData;
    abstract get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;
    abstract set(sid: string, session: SessionData, callback?: (error?: unknown) => void): void;
    abstract destroy(sid: string, callback?: (error?: unknown) => void): void;
    all?(callback: (error: unknown, sessions?: SessionData[] | null) => void): void;
    length?(callback: (error: unknown, length?: number) => void): void;
    clear?(callback?: (error?: unknown) => void): void;
    touch?(sid: string, session: SessionData, callback?: () => void): void;
  }
}
