/** Owns a buffer that grows as bytes and texts are appended to it. */

/** A character takes no more bytes than this in UTF-8. */
const LONGEST = 3;

export class Bytes {
  #buffer = Buffer.allocUnsafeSlow(1 << 16);
  length = 0;

  #room(more: number): void {
    if (this.length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.length + more));
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

  /** A whole number from -2^63 to 2^63 as protobuf writes it: seven bits a byte, the lowest first, negative ones in 64 bits. */
  varint(value: number): void {
    this.#room(10);
    if (value < 0) return this.#negative(value);
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
    this.length = this.#buffer.writeUInt32LE(value, this.length);
  }

  double(value: number): void {
    this.#room(8);
    this.length = this.#buffer.writeDoubleLE(value, this.length);
  }

  /** Bytes given as hexadecimal digits. */
  hex(digits: string): void {
    this.#room(digits.length >> 1);
    for (let at = 0; at + 1 < digits.length; at += 2)
      this.#buffer[this.length++] = (digit(digits, at) << 4) | digit(digits, at + 1);
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
    const needed = length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5;
    if (needed !== width) {
      this.#room(needed);
      this.#buffer.copyWithin(start - width + needed, start, this.length);
    }
    const end = start - width + needed + length;
    this.length = start - width;
    this.varint(length);
    this.length = end;
  }

  /** A copy of all that was appended; the buffer begins anew. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#buffer.subarray(0, this.length));
    this.length = 0;
    return taken;
  }
}

function digit(digits: string, at: number): number {
  const code = digits.charCodeAt(at);
  return code < 58 ? code - 48 : (code | 32) - 87;
}
