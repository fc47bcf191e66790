import { Body, Controller, Get, Header, Post, Redirect } from "@nestjs/common";
import { devicesPage } from "app-support";
import { CurrentSession, RequireUser, type RequestSession } from "sojourn/nest";
import type { Data } from "./sessions.ts";

type Session = RequestSession<Data>;

@Controller()
@RequireUser()
export class AccountController {
  @Post("note")
  @Redirect("/", 303)
  note(@CurrentSession() session: Session, @Body("note") note: string): void {
    session.set("note", note);
  }

  @Post("rotate")
  @Redirect("/", 303)
  rotate(@CurrentSession() session: Session): void {
    session.rotate();
  }

  @Get("devices")
  @Header("Content-Type", "text/html; charset=utf-8")
  async devices(@CurrentSession() session: Session): Promise<string> {
    return devicesPage(await session.devices());
  }

  @Post("devices")
  @Redirect("/devices", 303)
  async end(@CurrentSession() session: Session, @Body("id") id: string): Promise<void> {
    await session.logoutDevice(id);
  }
}
