/** The two pages of an app, with the hooks that the driver looks for. */

/** What the list of devices shows of one. */
export interface Device {
  readonly id: string;
  readonly current: boolean;
  readonly device?: { readonly userAgent?: string | undefined } | undefined;
}

const login = (target: string): string => `
<form id="login" method="post" action="${target}">
  <input name="user" autocomplete="username"> <input name="password" type="password">
  <button>Log in</button>
</form>`;

const OWN = `
<form id="note" method="post" action="/note"><input name="note"> <button>Keep</button></form>
<form id="rotate" method="post" action="/rotate"><button>New token</button></form>
<form id="logout" method="post" action="/logout"><button>Log out</button></form>
<a id="devices" href="/devices">Devices</a>`;

/** `/`. `target` is where the form to log in with is sent. */
export function homePage(user: string | null, note: string | undefined, target = "/login"): string {
  const kept = note === undefined ? "" : `<p id="note">${escape(note)}</p>`;
  return page(`<p id="user">${escape(user ?? "nobody")}</p>${kept}${user === null ? login(target) : OWN}`);
}

/** `/devices` */
export function devicesPage(devices: readonly Device[]): string {
  const items = devices.map(
    ({ id, device, current }) => `
<li class="device${current ? " current" : ""}" data-id="${escape(id)}">${escape(device?.userAgent ?? "")}
  <form class="end" method="post" action="/devices"><input type="hidden" name="id" value="${escape(id)}"><button>End</button></form>
</li>`,
  );
  return page(`<ul>${items.join("")}</ul><a href="/">Home</a>`);
}

/** Stands for a check of a real password. */
export function isPassword(password: unknown): boolean {
  return password === "correct horse";
}

const page = (body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><body>${body}</body></html>`;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
