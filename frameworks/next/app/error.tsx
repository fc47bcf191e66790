"use client";

export default function Failed({ error }: { error: Error & { digest?: string } }) {
  const isDown = error.digest?.startsWith("sojourn:store_") === true;
  return (
    <p id="error">{isDown ? "We cannot see who you are right now. Please try again." : "Something went wrong."}</p>
  );
}
