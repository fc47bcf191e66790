/** The module that only workerd has, declared by hand for the one place that imports it. */
declare module "cloudflare:workers" {
  export const DurableObject: unknown;
}
