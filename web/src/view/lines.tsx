import { useState } from "preact/hooks";
import type { Line } from "../lib/commands";

const WORD_MAX = 32;

// Breaks a line between its words only, as browsers would also break "--flag" after its hyphens; long ones anywhere.
const words = (text: string) =>
  text.split(/( )/).map((word, i) => (word.length <= WORD_MAX ? <span key={i}>{word}</span> : word));

// The same action as lines for a shell. Copying needs a secure context; without one a click selects the line.
export function Lines({ lines }: { lines: Line[] }) {
  const [copied, setCopied] = useState<string | null>(null);
  const canCopy = window.isSecureContext && navigator.clipboard !== undefined;
  return (
    <dl class="lines">
      {lines.map((line) => (
        <div key={line.label}>
          <dt>{line.label}</dt>
          <dd>
            <code>{words(line.text)}</code>
            {canCopy ? (
              <button
                type="button"
                class="quiet"
                aria-label={`Copy the ${line.label} line`}
                onClick={() => {
                  void navigator.clipboard.writeText(line.text).then(() => setCopied(line.label));
                }}
              >
                {copied === line.label ? "Copied" : "Copy"}
              </button>
            ) : null}
          </dd>
        </div>
      ))}
    </dl>
  );
}
