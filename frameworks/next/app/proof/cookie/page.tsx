import { seen } from "../seen";

export default async function Cookie() {
  return <p id="seen">{await seen()}</p>;
}
