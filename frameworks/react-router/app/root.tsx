import { isRouteErrorResponse, Links, Meta, Outlet, Scripts, ScrollRestoration } from "react-router";
import type { Route } from "./+types/root";
import { session } from "./session.server.ts";

export const middleware: Route.MiddlewareFunction[] = [session];

/** With it, every client navigation comes to the server, and keeps the session alive. */
export const loader = ({ context }: Route.LoaderArgs) => ({ user: session.of(context).userId });

export function Layout({ children }: { readonly children: React.ReactNode }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>App</title>
        <Meta />
        <Links />
      </head>
      <body>
        {children}
        <ScrollRestoration />
        <Scripts />
      </body>
    </html>
  );
}

export default function App() {
  return <Outlet />;
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  return <p id="error">{isRouteErrorResponse(error) ? `${error.status} ${error.data}` : "500"}</p>;
}
