import { useState } from "react";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [done, say] = useState("");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("Not allowed here"); // without TLS a browser may refuse, except on the loopback
    }
    setTimeout(() => say(""), 1500);
  }
  return (
    <button type="button" className="btn" onClick={() => void copy()}>
      <span role="status">{done || label}</span>
    </button>
  );
}
