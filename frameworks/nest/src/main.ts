import { NestFactory } from "@nestjs/core";
import { AppModule } from "./app.module.ts";

const port = Number(process.env["PORT"] ?? 3_000);
const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
await app.listen(port, "127.0.0.1");
console.log(`http://localhost:${port}`);
