import { setTimeout as pause } from "node:timers/promises";
import { Body, Controller, Get, Header, HttpException, Post, Query, Redirect } from "@nestjs/common";
import { homePage, isPassword } from "app-support";
import { CurrentSession, type RequestSession } from "sojourn/nest";
import type { Data } from "./sessions.ts";

type Session = RequestSession<Data>;

@Controller()
export class HomeController {
  @Get()
  @Header("Content-Type", "text/html; charset=utf-8")
  home(@CurrentSession() session: Session): string {
    return homePage(session.userId, session.data.note);
  }

  @Post("login")
  @Redirect("/", 303)
  async login(
    @CurrentSession() session: Session,
    @Body("user") user: string,
    @Body("password") password: string,
  ): Promise<void> {
    if (!isPassword(password)) throw new HttpException("Wrong password", 401);
    await session.login(user);
  }

  @Post("logout")
  @Redirect("/", 303)
  async logout(@CurrentSession() session: Session): Promise<void> {
    await session.logout();
  }

  @Get("slow")
  async slow(@CurrentSession() session: Session, @Query("ms") ms: string): Promise<string> {
    await pause(Number(ms));
    return session.userId ?? "nobody";
  }
}
