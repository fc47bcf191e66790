/** What the apps share: where sessions are kept, and the pages of apps whose framework renders none. */
export { openStore } from "./open-store.ts";
export { devicesPage, homePage, isPassword, type Device } from "./pages.ts";
export { identityProvider } from "./identity-provider.ts";
