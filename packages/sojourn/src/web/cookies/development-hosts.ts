/**
 * Keeps cookies without Secure on the machines of developers: on this one, and on those that are named.
 *
 * A request tells for which host it is, and where a proxy passed it on, for which one it was and from where. All of that
 * has to be of this machine. A host that is named, such as a tunnel's, is served to whoever comes through it.
 */
import { DevelopmentHostError } from "../../errors.ts";
import { show } from "../../show.ts";
import { headerOf, hostOf, type IncomingRequest } from "./http-messages.ts";

/** @throws DevelopmentHostError for a request that is for another machine, or comes from one */
export type DevelopmentCheck = (request: IncomingRequest) => void;

const LOOPBACK = /^(?:(?:[a-z\d-]+\.)*localhost|(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/;
/** A name or an address, perhaps with a port, perhaps of everything below a domain. */
const HOST = /^(?:\*\.)?(?:[a-z\d_](?:[\w.-]*[a-z\d])?|\[[\da-f:.]+\])(?::\d{1,5})?$/;

/** @throws TypeError if a host is not one */
export function developmentCheck(hosts: readonly string[]): DevelopmentCheck {
  if (!Array.isArray(hosts)) {
    throw new TypeError(`Expected \`development.hosts\` to be an array of hosts, got ${show(hosts)}`);
  }
  const named = hosts.map(checkHost);

  const isNamed = (host: string): boolean =>
    named.some((one) =>
      one.startsWith("*.") ? withoutPort(host).endsWith(one.slice(1)) : one === host || one === withoutPort(host),
    );

  return (request) => {
    const host = hostOf(request);
    if (host === undefined) throw new DevelopmentHostError(`The request does not say for which host it is. ${REASON}`);
    const { forHosts, fromHosts } = forwardingOf(request);
    const all = [host, ...forHosts];
    const isForNamed = all.some(isNamed);
    for (const one of isForNamed ? all : [...all, ...fromHosts]) {
      if (!LOOPBACK.test(withoutPort(one)) && !isNamed(one)) throw new DevelopmentHostError(refusalOf(one));
    }
  };
}

const REASON = "`development` sends cookies without Secure, which must not leave the machines of developers";

function refusalOf(host: string): string {
  const isShown = HOST.test(host);
  return (
    `The request is for, or from, ${isShown ? show(host) : "another host"}. ${REASON}. ` +
    `If that is one of them, name it in the options: development: { hosts: [${isShown ? show(withoutPort(host)) : "…"}] }`
  );
}

/** What proxies say of a request: for which hosts it was, and where it came from (RFC 7239, and the headers before it). */
function forwardingOf({ headers }: IncomingRequest): { readonly forHosts: string[]; readonly fromHosts: string[] } {
  const forHosts = listed(headerOf(headers, "x-forwarded-host"));
  const fromHosts = listed(headerOf(headers, "x-forwarded-for"));
  const forwarded = headerOf(headers, "forwarded")?.toLowerCase() ?? "";
  for (const [, name, quoted, plain] of forwarded.matchAll(/(?:^|[;,\s])(for|host)\s*=\s*(?:"([^"]*)"|([^;,\s]*))/g)) {
    (name === "for" ? fromHosts : forHosts).push(quoted ?? plain ?? "");
  }
  return { forHosts, fromHosts };
}

function listed(header: string | undefined): string[] {
  return header === undefined
    ? []
    : header
        .toLowerCase()
        .trim()
        .split(/\s*,\s*/);
}

/** A name or an address alone. An IPv6 address has colons of its own, and brackets only where a port may follow. */
function withoutPort(host: string): string {
  const inBrackets = /^\[([^\]]*)\](?::\d+)?$/.exec(host)?.[1];
  return inBrackets ?? (/:.*:/.test(host) ? host : host.replace(/:\d+$/, ""));
}

function checkHost(host: string): string {
  const lowerCase = typeof host === "string" ? host.toLowerCase() : "";
  if (HOST.test(lowerCase)) return lowerCase;
  throw new TypeError(
    `Expected \`development.hosts\` to hold names such as "192.168.1.7" or "*.tunnel.example", got ${show(host)}`,
  );
}
