import type { Check } from "../driver/checks.ts";
import { shows, Visitor, PASSWORD } from "../driver/visitor.ts";

export const checks: readonly Check[] = [
  {
    name: "login by way of an identity provider, whose answer is good once",
    async run({ browser, app }) {
      await using ann = await Visitor.arrive(browser, app);
      const form = `<form method="post" action="/idp/login"><input name="user" value="ann"><input name="password" value="${PASSWORD}"><button></button></form>`;
      const callback = ann.page.waitForRequest("**/oauth/callback?*");
      await ann.page.evaluate(
        (html) => ((document.body.innerHTML = html), document.querySelector("button")?.click()),
        form,
      );
      const url = (await callback).url();
      await shows(ann.page, "p#user", "ann");

      // Whoever sends the answer on to somebody else logs nobody in.
      await using other = await Visitor.arrive(browser, app);
      await other.page.goto(url);
      await other.page.goto(app.origin);
      await shows(other.page, "p#user", "nobody");
    },
  },
];
