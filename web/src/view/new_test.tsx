// Start a test: from a form, or from a spec that is pasted. The API judges; its words stand at the field.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api, Problem } from "../lib/api";
import { startLines } from "../lib/commands";
import { plural } from "../lib/format";
import {
  emptyForm,
  fieldOf,
  type FormFields,
  positionOf,
  specOf,
  type StageFields,
} from "../lib/spec";
import type { Store } from "../lib/store";
import type { FieldError } from "../lib/types";
import { Lines } from "./lines";

type Mode = "form" | "spec";
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export function NewTest({ store, from }: { store: Store; from: string | null }) {
  const [mode, setMode] = useState<Mode>("form");
  const [form, setForm] = useState<FormFields>(emptyForm);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  // One key for what is being filled in: sending it twice starts one test.
  const key = useRef(newKey());
  const spec = mode === "form" ? JSON.stringify(specOf(form)) : text;

  useEffect(() => heading.current?.focus(), []);
  useEffect(() => {
    if (from === null) return;
    void api.test(from).then((test) => {
      setText(JSON.stringify(test.spec, null, 2));
      setMode("spec");
    }, setProblem);
  }, [from]);

  const change = (next: Partial<FormFields>): void => {
    setForm({ ...form, ...next });
    key.current = newKey();
  };
  const choose = (next: Mode): void => {
    if (next === "spec" && text === "") setText(JSON.stringify(specOf(form), null, 2));
    setMode(next);
    setProblem(null);
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const test = await api.start(spec, key.current);
      key.current = newKey();
      await store.readTests();
      location.hash = `#/tests/${test.id}`;
    } catch (error) {
      setProblem(error as Problem);
      setBusy(false);
    }
  };
  // To the first field with an error, once it is shown.
  useLayoutEffect(() => {
    if (problem === null) return;
    document.querySelector<HTMLElement>(".new [aria-invalid=true]")?.focus();
  }, [problem]);

  const errors = problem?.errors ?? [];
  const elsewhere = mode === "form" ? errors.filter((e) => fieldOf(e.pointer) === null) : [];
  return (
    <main class="new">
      <h1 ref={heading} tabIndex={-1}>
        New test
      </h1>
      <fieldset class="choice">
        <legend>Write it as</legend>
        {(
          [
            ["form", "Form"],
            ["spec", "Spec (JSON)"],
          ] as const
        ).map(([value, name]) => (
          <label key={value}>
            <input type="radio" name="mode" checked={mode === value} onChange={() => choose(value)} />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
      <form onSubmit={(event) => void submit(event)} noValidate>
        {problem === null ? null : (
          <div class="banner bad" role="alert">
            <b>Not started.</b>{" "}
            {errors.length > 0
              ? `${plural(errors.length, "field")} to mend${mode === "form" ? ", marked below" : ""}.`
              : problem.detail}
            {elsewhere.length > 0 ? <ErrorList errors={elsewhere} /> : null}
          </div>
        )}
        {mode === "form" ? (
          <Fields form={form} change={change} errors={errors} />
        ) : (
          <SpecText
            text={text}
            change={(next) => {
              setText(next);
              key.current = newKey();
            }}
            errors={errors}
          />
        )}
        <p class="buttons">
          <button class="primary" disabled={busy}>
            Start the test
          </button>
        </p>
      </form>
      <section class="same">
        <h2>The same from a shell</h2>
        <Lines lines={startLines(location.origin, mode === "form" ? spec : compact(spec))} />
      </section>
      <p class="note">Load only what is yours, or whose owner has agreed.</p>
    </main>
  );
}

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

function ErrorList({ errors }: { errors: FieldError[] }) {
  return (
    <ul>
      {errors.map((error) => (
        <li key={error.pointer}>
          <code>{error.pointer}</code> {error.detail}
        </li>
      ))}
    </ul>
  );
}

function Fields(props: {
  form: FormFields;
  change: (next: Partial<FormFields>) => void;
  errors: FieldError[];
}) {
  const { form, change, errors } = props;
  const errorAt = (field: string): string | null => {
    const here = errors.filter((error) => fieldOf(error.pointer) === field);
    // A part of what the field holds names itself.
    const said = here.map((error) =>
      /^\/(target\/headers|thresholds)\//.test(error.pointer)
        ? `${error.pointer.split("/").slice(2).join(" ")}: ${error.detail}`
        : error.detail,
    );
    return said.length > 0 ? said.join("; ") : null;
  };
  const text = (field: keyof FormFields, label: string, hint: string, rest: object = {}) => (
    <Field
      id={field}
      label={label}
      hint={hint}
      error={errorAt(field)}
      value={form[field] as string}
      set={(value) => change({ [field]: value })}
      {...rest}
    />
  );
  const setStage = (at: number, next: Partial<StageFields>): void =>
    change({ stages: form.stages.map((stage, i) => (i === at ? { ...stage, ...next } : stage)) });
  return (
    <>
      {text("name", "Name", "")}
      <div class="row">
        <div class="field method">
          <label for="field-method">Method</label>
          <select
            id="field-method"
            value={form.method}
            onChange={(event) => change({ method: event.currentTarget.value })}
          >
            {METHODS.map((method) => (
              <option key={method}>{method}</option>
            ))}
          </select>
        </div>
        {text("url", "URL of the target", "http://svc.shop:8080/cart", { inputMode: "url" })}
      </div>
      <fieldset class="stages">
        <legend>Load</legend>
        {form.stages.map((stage, i) => (
          <div class="row" key={i}>
            <Field
              id={`stage-${i}-duration`}
              label="For"
              hint="30s, 5m, 1h30m"
              error={errorAt(`stage-${i}-duration`)}
              value={stage.duration}
              set={(duration) => setStage(i, { duration })}
            />
            <Field
              id={`stage-${i}-rate`}
              label="Requests per second"
              hint="1000"
              error={errorAt(`stage-${i}-rate`)}
              value={stage.rate}
              set={(rate) => setStage(i, { rate })}
              inputMode="decimal"
            />
            <Field
              id={`stage-${i}-to`}
              label="Changing to"
              hint="empty: constant"
              error={errorAt(`stage-${i}-to`)}
              value={stage.to}
              set={(to) => setStage(i, { to })}
              inputMode="decimal"
            />
            {form.stages.length > 1 ? (
              <button
                type="button"
                class="quiet"
                aria-label={`Remove stage ${i + 1}`}
                onClick={() => change({ stages: form.stages.filter((_, other) => other !== i) })}
              >
                Remove
              </button>
            ) : null}
          </div>
        ))}
        <button
          type="button"
          class="quiet"
          onClick={() =>
            change({ stages: [...form.stages, { duration: "30s", rate: form.stages.at(-1)?.to || form.stages.at(-1)?.rate || "", to: "" }] })
          }
        >
          Add a stage
        </button>
      </fieldset>
      <details class="more" open={errors.some((e) => isFurther(fieldOf(e.pointer)))}>
        <summary>Headers, body, timeout, thresholds, agents</summary>
        <div class="row">
          {text("agents", "Agents that must be ready", "1", { inputMode: "numeric" })}
          {text("timeout", "Timeout of a request", "5s")}
          {text("versionHeader", "Response header with the version", "X-Version")}
        </div>
        {text("headers", "Request headers, one a line", "Accept: application/json", { lines: 3 })}
        {text("body", "Request body", "", { lines: 3 })}
        {text("thresholds", "Thresholds, one a line", "http_req_duration: p(99)<200", { lines: 3 })}
      </details>
    </>
  );
}

const isFurther = (field: string | null): boolean =>
  ["agents", "timeout", "versionHeader", "headers", "body", "thresholds"].includes(field ?? "");

function Field(props: {
  id: string;
  label: string;
  hint: string;
  error: string | null;
  value: string;
  set: (value: string) => void;
  lines?: number;
  inputMode?: "decimal" | "numeric" | "url";
}) {
  const { id, label, hint, error, value, set, lines, inputMode } = props;
  const shared = {
    id: `field-${id}`,
    name: id,
    value,
    placeholder: hint,
    autocomplete: "off",
    spellcheck: false,
    "aria-invalid": error !== null,
    "aria-describedby": error === null ? undefined : `error-${id}`,
    onInput: (event: { currentTarget: { value: string } }) => set(event.currentTarget.value),
  };
  return (
    <div class="field" data-field={id}>
      <label for={`field-${id}`}>{label}</label>
      {lines === undefined ? (
        <input {...(shared as object)} {...(inputMode ? { inputMode } : {})} />
      ) : (
        <textarea {...(shared as object)} rows={lines} />
      )}
      {error === null ? null : (
        <p class="error" id={`error-${id}`}>
          {error}
        </p>
      )}
    </div>
  );
}

function SpecText(props: { text: string; change: (text: string) => void; errors: FieldError[] }) {
  const { text, change, errors } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const goTo = (offset: number): void => {
    const end = text.indexOf("\n", offset);
    area.current?.focus();
    area.current?.setSelectionRange(offset, end < 0 ? text.length : end);
  };
  return (
    <div class="field">
      <label for="spec-text">Spec</label>
      <textarea
        id="spec-text"
        ref={area}
        class="code"
        rows={18}
        spellcheck={false}
        value={text}
        aria-invalid={errors.length > 0}
        aria-describedby={errors.length > 0 ? "spec-errors" : undefined}
        onInput={(event) => change(event.currentTarget.value)}
      />
      {errors.length === 0 ? null : (
        <ul class="error" id="spec-errors">
          {errors.map((error) => {
            const position = positionOf(text, error.pointer);
            return (
              <li key={error.pointer}>
                {position === null ? null : (
                  <button type="button" class="quiet" onClick={() => goTo(position.offset)}>
                    line {position.line}
                  </button>
                )}{" "}
                <code>{error.pointer || "/"}</code> {error.detail}
              </li>
            );
          })}
        </ul>
      )}
      <p class="note">JSON, as the API takes it. The command line also reads YAML.</p>
    </div>
  );
}
