import { Module } from "@nestjs/common";
import { SojournModule } from "sojourn/nest";
import { AccountController } from "./account.controller.ts";
import { HomeController } from "./home.controller.ts";
import { options } from "./sessions.ts";

@Module({
  imports: [SojournModule.forRoot(options)],
  controllers: [HomeController, AccountController],
})
export class AppModule {}
