import { index, route, type RouteConfig } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("devices", "routes/devices.tsx"),
  route("note", "routes/note.ts"),
  route("slow", "routes/slow.ts"),
] satisfies RouteConfig;
