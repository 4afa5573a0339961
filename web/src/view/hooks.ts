import { useEffect, useReducer } from "preact/hooks";
import type { State, Store } from "../lib/store";

// The store's state; renders again when it changes.
export function useStore(store: Store): State {
  const [, changed] = useReducer((n: number) => n + 1, 0);
  useEffect(() => store.subscribe(() => changed(undefined)), [store]);
  return store.state;
}

// Renders again every `ms` while `on`: for what depends on the time that passes.
export function useTick(ms: number, on: boolean): void {
  const [, changed] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!on) return;
    const timer = window.setInterval(() => changed(undefined), ms);
    return () => window.clearInterval(timer);
  }, [ms, on]);
}
