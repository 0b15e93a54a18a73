/** Owns a buffer that grows as bytes and texts are appended to it. */

/** A UTF-16 unit takes no more bytes than this in UTF-8. */
const LONGEST = 3;

/** Bun's buffers have the writer that `write` would call, which its types do not tell. */
type Room = Buffer & { utf8Write(text: string, offset: number): number };

const room = (length: number): Room => Buffer.allocUnsafeSlow(length) as Room;

export class Bytes {
  #buffer = room(1 << 16);
  length = 0;
  /** How often bytes that were appended have been moved: what was noted of their places before does not hold. */
  moves = 0;

  #room(more: number): void {
    if (this.length + more > this.#buffer.length) this.#grow(more);
  }

  #grow(more: number): void {
    const larger = room(Math.max(this.#buffer.length * 2, this.length + more));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.length++] = value;
  }

  /** A text in UTF-8; half of a surrogate pair becomes U+FFFD. */
  text(text: string): void {
    this.#room(text.length * LONGEST);
    this.length += this.#buffer.utf8Write(text, this.length);
  }

  copy(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends once more what already stands at `start`. */
  repeat(start: number, length: number): void {
    this.#room(length);
    this.#buffer.copyWithin(this.length, start, start + length);
    this.length += length;
  }

  /** A whole number from -2^63 to 2^63 as protobuf writes it: seven bits a byte, the lowest first, negative ones in 64 bits. */
  varint(value: number): void {
    this.#room(10);
    if (value >= 0 && value < 128) this.#buffer[this.length++] = value;
    else if (value < 0) this.#negative(value);
    else this.#long(value);
  }

  #long(value: number): void {
    let rest = value;
    for (; rest > 127; rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7)
      this.#buffer[this.length++] = (rest & 127) | 128;
    this.#buffer[this.length++] = rest;
  }

  #negative(value: number): void {
    for (let rest = BigInt.asUintN(64, BigInt(value)), n = 0; n < 10; rest >>= 7n, n++)
      this.#buffer[this.length++] = Number(rest & 127n) | (n < 9 ? 128 : 0);
  }

  /** 32 bits, the lowest byte first. */
  fixed32(value: number): void {
    this.#room(4);
    this.#word(value, this.length);
    this.length += 4;
  }

  /** 64 bits, the lowest byte first. */
  fixed64(low: number, high: number): void {
    this.#room(8);
    this.#word(low, this.length);
    this.#word(high, this.length + 4);
    this.length += 8;
  }

  #word(value: number, at: number): void {
    const buffer = this.#buffer;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }

  double(value: number): void {
    this.#room(8);
    this.length = this.#buffer.writeDoubleLE(value, this.length);
  }

  /** Bytes given as hexadecimal digits. */
  hex(digits: string): void {
    this.#room(digits.length >> 1);
    const buffer = this.#buffer;
    let to = this.length;
    for (let at = 0; at + 1 < digits.length; at += 2) buffer[to++] = (digit(digits, at) << 4) | digit(digits, at + 1);
    this.length = to;
  }

  /** Begins a part whose length stands before it; `width` is how many bytes that length will probably take. */
  begin(width: number): number {
    this.#room(width);
    this.length += width;
    return this.length;
  }

  /** Ends the part that began at `start` with the same `width`: its length is filled in, as short as it can be. */
  end(start: number, width: number): void {
    const length = this.length - start;
    if (width === 1 && length < 128) {
      this.#buffer[start - 1] = length;
      return;
    }
    const needed = length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5;
    if (needed !== width) this.#move(start, start - width + needed);
    this.length = start - width;
    this.varint(length);
    this.length += length;
  }

  #move(from: number, to: number): void {
    this.#room(to - from);
    this.#buffer.copyWithin(to, from, this.length);
    this.moves++;
  }

  /** A whole number as that many decimal digits. */
  digits(value: number, count: number): void {
    this.#room(count);
    const buffer = this.#buffer;
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
      return use(new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, this.length));
    } finally {
      this.length = 0;
      this.moves++;
    }
  }
}

/**
 * Writes named values. Most attributes of a span have the values of the span before: those are copied from where they
 * stand, the others are written by `write` in the form that `formOf` makes of a name once.
 */
export class Repeats<Form> {
  readonly #known = new Map<
    string,
    { readonly form: Form; value: unknown; start: number; length: number; moves: number }
  >();

  constructor(
    private readonly out: Bytes,
    private readonly formOf: (name: string) => Form,
    private readonly writeNew: (form: Form, value: unknown) => void,
  ) {}

  write(name: string, value: unknown): void {
    const { out } = this;
    let known = this.#known.get(name);
    if (!known) {
      known = { form: this.formOf(name), value: undefined, start: 0, length: 0, moves: -1 };
      this.#known.set(name, known);
    }
    if (known.value === value && known.moves === out.moves) {
      out.repeat(known.start, known.length);
      return;
    }
    const start = out.length;
    this.writeNew(known.form, value);
    known.value = value;
    known.start = start;
    known.length = out.length - start;
    known.moves = out.moves;
  }
}

function digit(digits: string, at: number): number {
  const code = digits.charCodeAt(at);
  return code < 58 ? code - 48 : (code | 32) - 87;
}
