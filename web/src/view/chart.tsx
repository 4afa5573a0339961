import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type ChartData, type ChartOptions, TimeChart } from "../charts/time_chart";

// A chart with its heading. `summary` says in words what the picture shows. A change of `options` makes it anew.
export function Chart(props: {
  title: string;
  note?: string | null;
  summary: string;
  size: "short" | "tall";
  options: ChartOptions;
  data: ChartData;
}) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<TimeChart | null>(null);
  useLayoutEffect(() => {
    chart.current = new TimeChart(box.current!, props.options);
    return () => {
      chart.current?.destroy();
      chart.current = null;
    };
  }, [props.options]);
  useLayoutEffect(() => chart.current?.set(props.data), [props.data, props.options]);
  useEffect(() => {
    const changed = (): void => chart.current?.redraw();
    window.addEventListener("themechange", changed);
    return () => window.removeEventListener("themechange", changed);
  }, []);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{props.title}</h2>
        {props.note ? <p class="note">{props.note}</p> : null}
      </figcaption>
      <div ref={box} class={`plot ${props.size}`} role="img" aria-label={props.summary} />
    </figure>
  );
}
