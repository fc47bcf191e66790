import { withSession } from "../../../lib/session";

/** Counts up, and streams what has been kept by then; a change within the stream comes too late. */
export const POST = (request: Request) =>
  withSession(request, (session) => {
    session.set("note", "streamed");
    const body = new ReadableStream({
      async start(controller) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        try {
          session.set("note", "late");
        } catch (error) {
          controller.enqueue(new TextEncoder().encode(`${session.get("note")}: ${(error as Error).message}`));
        }
        controller.close();
      },
    });
    return new Response(body);
  });
