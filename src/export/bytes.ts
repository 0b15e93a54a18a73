/** Owns a buffer that grows as bytes and texts are appended to it. */

/** A UTF-16 unit takes no more bytes than this in UTF-8. */
const LONGEST = 3;

/** Bun's buffers have the writer that `write` would call, which its types do not tell. */
type Room = Buffer & { utf8Write(text: string, offset: number): number };

const room = (length: number): Room => Buffer.allocUnsafeSlow(length) as Room;

export class Bytes {
  protected buffer: Room = room(1 << 16);
  length = 0;
  /** How often bytes that were appended have been moved: what was noted of their places before does not hold. */
  moves = 0;

  /** Makes sure that there is room for so many bytes more. */
  protected need(more: number): void {
    if (this.length + more > this.buffer.length) this.#grow(more);
  }

  #grow(more: number): void {
    const larger = room(Math.max(this.buffer.length * 2, this.length + more));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  byte(value: number): void {
    this.need(1);
    this.buffer[this.length++] = value;
  }

  /** A text in UTF-8; half of a surrogate pair becomes U+FFFD. */
  text(text: string): void {
    this.need(text.length * LONGEST);
    this.length += this.buffer.utf8Write(text, this.length);
  }

  copy(bytes: Uint8Array): void {
    this.need(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends once more what already stands at `start`. */
  repeat(start: number, length: number): void {
    this.need(length);
    this.buffer.copyWithin(this.length, start, start + length);
    this.length += length;
  }

  /** A whole number as that many decimal digits. */
  digits(value: number, count: number): void {
    this.need(count);
    const { buffer } = this;
    let rest = value;
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const tens = Math.floor(rest / 10);
      buffer[at] = 48 + rest - tens * 10;
      rest = tens;
    }
    this.length += count;
  }

  /** All that was appended, as long as `use` is at work with it; then the buffer begins anew. */
  use<T>(use: (bytes: Uint8Array) => T): T {
    try {
      return use(new Uint8Array(this.buffer.buffer, this.buffer.byteOffset, this.length));
    } finally {
      this.length = 0;
      this.moves++;
    }
  }
}

interface Known<Form> {
  readonly name: string;
  readonly form: Form;
  value: unknown;
  /** Where it was written last, and how often bytes had been moved then. */
  start: number;
  length: number;
  moves: number;
}

/**
 * Writes named values. Most attributes of a span have the values of the span before: those are copied from where they
 * stand, in one go where they stand side by side; the others are written by `writeNew` in the form that `formOf` makes of
 * a name once. After the last one comes `flush`.
 */
export class Repeats<Form> {
  readonly #known = new Map<string, Known<Form>>();
  /** Those of the latest ones, in their order, which mostly comes again; and where in it this one is. */
  readonly #latest: Known<Form>[] = [];
  #at = 0;
  /** What is to be copied, and is not yet. */
  #from = 0;
  #to = 0;

  constructor(
    private readonly out: Bytes,
    private readonly formOf: (name: string) => Form,
    private readonly writeNew: (form: Form, value: unknown) => void,
  ) {}

  write(name: string, value: unknown): void {
    const { out } = this;
    let known = this.#latest[this.#at];
    if (known?.name !== name) known = this.#latest[this.#at] = this.#knownAs(name);
    this.#at++;
    if (known.moves === out.moves && (known.value === value || isSameList(known.value, value))) {
      if (known.start !== this.#to) {
        this.#copy();
        this.#from = known.start;
      }
      this.#to = known.start + known.length;
      known.start += out.length - this.#from;
      return;
    }
    this.#copy();
    const start = out.length;
    this.writeNew(known.form, value);
    known.value = value;
    known.start = start;
    known.length = out.length - start;
    known.moves = out.moves;
  }

  #knownAs(name: string): Known<Form> {
    let known = this.#known.get(name);
    if (!known) {
      known = { name, form: this.formOf(name), value: undefined, start: 0, length: 0, moves: -1 };
      this.#known.set(name, known);
    }
    return known;
  }

  flush(): void {
    this.#copy();
    this.#at = 0;
  }

  #copy(): void {
    if (this.#to > this.#from) this.out.repeat(this.#from, this.#to - this.#from);
    this.#from = 0;
    this.#to = 0;
  }
}

/** True for lists of the same values. */
function isSameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
