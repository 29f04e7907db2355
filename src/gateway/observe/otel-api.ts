// As much of the OpenTelemetry API as is used, and where a program that loaded it has left it: `@opentelemetry/api` keeps one
// object a process under a symbol that all its copies know. So there is no dependency, and nothing to do when it is absent.

export type AttributeValue = string | number | boolean;
export type Attributes = Record<string, AttributeValue>;

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
  readonly traceState?: { serialize(): string };
}

export interface Span {
  spanContext(): SpanContext;
  setAttribute(key: string, value: AttributeValue): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  updateName(name: string): unknown;
  end(endTime?: number): void;
}

/** Values that follow a request through a program. Immutable. */
export interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
  deleteValue(key: symbol): Context;
}

export interface Tracer {
  startSpan(
    name: string,
    options?: { kind?: number; attributes?: Attributes; startTime?: number; root?: boolean },
    context?: Context,
  ): Span;
}

/** `SpanKind` and `SpanStatusCode` of the API. */
export const SpanKind = { SERVER: 1, CLIENT: 2 } as const;
export const StatusCode = { ERROR: 2 } as const;

const API = Symbol.for("opentelemetry.js.api.1");
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");

interface Api {
  readonly trace?: { getTracer(name: string, version?: string): Tracer };
}

/** The tracer of the provider that the program has registered; `undefined` when there is none, perhaps not yet. */
export function registeredTracer(): Tracer | undefined {
  const api = (globalThis as { [API]?: Api })[API];
  return api?.trace?.getTracer("edge-fpm");
}

/** A context in which a span is the parent. */
export function contextWith(span: Pick<Span, "spanContext">): Context {
  return new PlainContext(new Map([[SPAN_KEY, span]]));
}

class PlainContext implements Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new PlainContext(new Map(this.#values).set(key, value));
  }

  deleteValue(key: symbol): Context {
    const values = new Map(this.#values);
    values.delete(key);
    return new PlainContext(values);
  }
}
