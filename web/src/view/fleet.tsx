// The fleet: a cell an agent, in the order of their names. Shade is the share of the load against an equal one, the edge is
// the state. One cell at a time is in the tab order; arrow keys move.

import { memo } from "preact/compat";
import { useMemo, useRef, useState } from "preact/hooks";
import { api, Problem } from "../lib/api";
import { drainLines } from "../lib/commands";
import { count, ms, percent, plural, rate } from "../lib/format";
import type { Agent, AgentState } from "../lib/types";
import { Lines } from "./lines";

const STATES: AgentState[] = ["joining", "ready", "spare", "draining", "lost"];
const collator = new Intl.Collator("en", { numeric: true });

export function sortAgents(agents: Agent[]): Agent[] {
  return [...agents].sort(
    (a, b) => collator.compare(a.name, b.name) || (a.incarnation < b.incarnation ? -1 : 1),
  );
}

// 0 to 1: a half is an equal share, 1 is twice that or more. In steps, so that few cells change.
export function shadeOf(share: number, owners: number): number {
  if (share <= 0 || owners === 0) return 0;
  return Math.max(0.1, Math.round(Math.min(1, (share * owners) / 2) * 20) / 20);
}

const sizeOf = (n: number): "large" | "middle" | "small" =>
  n <= 24 ? "large" : n <= 240 ? "middle" : "small";

interface CellProps {
  agent: Agent;
  shade: number;
  label: string;
  large: boolean;
  tabbable: boolean;
  chosen: boolean;
}

const Cell = memo(
  ({ agent, shade, label, large, tabbable, chosen }: CellProps) => (
    <button
      type="button"
      class="cell"
      data-key={keyOf(agent)}
      data-state={agent.state}
      aria-label={label}
      aria-pressed={chosen}
      tabIndex={tabbable ? 0 : -1}
      style={{ "--shade": `${shade * 100}%` }}
    >
      {large ? (
        <>
          <span class="name">{agent.name}</span>{" "}
          <span class="share">{sayingOf(agent)}</span>
        </>
      ) : null}
    </button>
  ),
  (a, b) =>
    a.shade === b.shade &&
    a.label === b.label &&
    a.large === b.large &&
    a.tabbable === b.tabbable &&
    a.chosen === b.chosen,
);

const sayingOf = (agent: Agent): string =>
  agent.state === "ready" ? percent(agent.share) : agent.state;
const keyOf = (agent: Agent): string => agent.name + "/" + agent.incarnation;

export function Fleet({ agents, live }: { agents: Agent[]; live: boolean }) {
  const sorted = useMemo(() => sortAgents(agents), [agents]);
  const owners = sorted.filter((agent) => agent.share > 0).length;
  const size = sizeOf(sorted.length);
  const [focused, setFocused] = useState<string | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const grid = useRef<HTMLDivElement>(null);
  const byKey = useMemo(() => new Map(sorted.map((agent) => [keyOf(agent), agent])), [sorted]);
  const tabbable = focused !== null && byKey.has(focused) ? focused : keyOf(sorted[0] ?? NOBODY);
  // A chosen one stays, so that the way to its buttons may lead over others.
  const shown = byKey.get(chosen ?? "") ?? byKey.get(pointed ?? focused ?? "");
  const counts = STATES.map((state) => ({
    state,
    n: sorted.filter((agent) => agent.state === state).length,
  })).filter(({ n }) => n > 0);

  const keyAt = (event: Event): string | null =>
    (event.target as HTMLElement).closest<HTMLElement>(".cell")?.dataset.key ?? null;
  const move = (event: KeyboardEvent): void => {
    const cells = [...grid.current!.querySelectorAll<HTMLElement>(".cell")];
    const at = cells.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const top = cells[0]!.offsetTop;
    const columns = cells.filter((cell) => cell.offsetTop === top).length;
    const step: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      Home: -at,
      End: cells.length - 1 - at,
    };
    const to = at + (step[event.key] ?? 0);
    if (step[event.key] === undefined || to < 0 || to >= cells.length) return;
    event.preventDefault();
    cells[to]!.focus();
  };

  return (
    <section class="fleet" aria-label="Fleet">
      <header>
        <h2>{live ? "Fleet" : "Agents of this test"}</h2>
        <p class="states">
          {counts.length === 0 ? "no agent" : null}
          {counts.map(({ state, n }) => (
            <span key={state}>
              <i class="cell" data-state={state} aria-hidden="true" /> {count(n)} {state}
            </span>
          ))}
        </p>
      </header>
      {sorted.length === 0 ? (
        <p class="note">
          {live ? "No agent is connected. Start one: broadside agent --controller HOST:9090" : ""}
        </p>
      ) : (
        <div
          ref={grid}
          class="cells"
          data-size={size}
          role="group"
          aria-label={`${plural(sorted.length, "agent")}; arrow keys move`}
          onKeyDown={move}
          onFocusCapture={(event) => setFocused(keyAt(event))}
          onPointerOver={(event) => setPointed(keyAt(event))}
          onPointerLeave={() => setPointed(null)}
          onClick={(event) => {
            const key = keyAt(event);
            setChosen(key === chosen ? null : key);
          }}
        >
          {sorted.map((agent) => (
            <Cell
              key={keyOf(agent)}
              agent={agent}
              shade={shadeOf(agent.share, owners)}
              label={`${agent.name} ${sayingOf(agent)}${agent.state === "ready" ? " of the load, ready" : `, share ${percent(agent.share)}`}`}
              large={size === "large"}
              tabbable={keyOf(agent) === tabbable}
              chosen={keyOf(agent) === chosen}
            />
          ))}
        </div>
      )}
      {sorted.length === 0 ? null : shown ? (
        <Details agent={shown} live={live} key={keyOf(shown)} />
      ) : (
        <p class="note details">
          Darker owns more of the load. Point at an agent for its figures, choose it to keep them.
        </p>
      )}
    </section>
  );
}

const NOBODY: Agent = {
  name: "",
  incarnation: "",
  state: "lost",
  share: 0,
  threads: 0,
  capacity_rps: null,
  send_lag_p99_ms: null,
  clock_offset_ms: null,
  clock_error_ms: null,
};

function Details({ agent, live }: { agent: Agent; live: boolean }) {
  const [asking, setAsking] = useState(false);
  const [answer, setAnswer] = useState<string | null>(null);
  const canDrain = live && (agent.state === "ready" || agent.state === "spare");
  const figures: [string, string][] = [
    ["state", agent.state],
    ["share", percent(agent.share)],
    ["threads", count(agent.threads)],
    ["send lag p99", agent.send_lag_p99_ms === null ? "–" : `${ms(agent.send_lag_p99_ms)} ms`],
    ["clock error", agent.clock_error_ms === null ? "–" : `${ms(agent.clock_error_ms)} ms`],
    ...(agent.capacity_rps === null
      ? []
      : ([["capacity", `${rate(agent.capacity_rps)} a second`]] as [string, string][])),
  ];
  const drain = async (): Promise<void> => {
    try {
      await api.drain(agent.name);
      setAnswer("It finishes what it holds, reports it, and leaves.");
    } catch (error) {
      setAnswer((error as Problem).detail);
    }
    setAsking(false);
  };
  return (
    <div class="details">
      <p class="figures">
        <b>{agent.name}</b>
        {figures.map(([name, value]) => (
          <span key={name}>
            {name} <b>{value}</b>
          </span>
        ))}
        {canDrain && !asking && answer === null ? (
          <button type="button" class="quiet" onClick={() => setAsking(true)}>
            Drain …
          </button>
        ) : null}
      </p>
      {asking ? (
        <div class="confirm">
          <p>
            Drain {agent.name}? Others take over its share in the next second; the agent then exits.
          </p>
          <p class="buttons">
            <button type="button" class="danger" onClick={() => void drain()}>
              Drain {agent.name}
            </button>
            <button type="button" onClick={() => setAsking(false)}>
              Keep it
            </button>
          </p>
          <Lines lines={drainLines(location.origin, agent.name)} />
        </div>
      ) : null}
      {answer === null ? null : (
        <p class="note" role="status">
          {answer}
        </p>
      )}
    </div>
  );
}
