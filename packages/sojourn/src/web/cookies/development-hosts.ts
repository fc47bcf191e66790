/** Keeps cookies without Secure on this machine. */
import { show } from "../../show.ts";
import { headerOf, hostOf, type IncomingRequest } from "./http-messages.ts";

const LOOPBACK = /^(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** @throws TypeError if the request is for another host, or was forwarded from one */
export function checkLoopback(request: IncomingRequest): void {
  const forwarded = headerOf(request.headers, "x-forwarded-host");
  for (const host of [hostOf(request), ...(forwarded?.toLowerCase().split(/\s*,\s*/) ?? [])]) {
    if (host !== undefined && LOOPBACK.test(host)) continue;
    throw new TypeError(
      `Expected a request for localhost, since \`development: true\` sends cookies without Secure, got one for ` +
        (host === undefined ? "no host" : show(host)),
    );
  }
}
