/**
 * The little of Next that the library calls, declared by hand: Next is in no package of this repository's own. Its own
 * types meet these where an app of it is compiled, in frameworks/.
 */
declare module "next/headers.js" {
  interface Jar {
    get(name: string): { readonly value: string } | undefined;
    set(name: string, value: string, options: object): unknown;
    delete(name: string): unknown;
  }
  export function cookies(): Promise<Jar>;
  export function headers(): Promise<{ get(name: string): string | null }>;
}
