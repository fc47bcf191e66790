import { seen } from "../seen";

export const GET = async () => new Response(await seen());
