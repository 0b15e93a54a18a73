/** Owns protobuf's wire format: tags, numbers, texts, and parts with their length before them. */
import { Bytes } from "./bytes.ts";

/** A length that takes one byte is below this. */
const SHORT = 128;

/** The values of hexadecimal digits, by character. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0);

/** How a field's value is written: the lowest three bits of what it begins with; its number, below 16 in one byte, is above. */
const VARINT = 0;
const FIXED64 = 1;
const PART = 2;
const FIXED32 = 5;

export class Fields extends Bytes {
  /** A whole number from -2^63 to 2^63: seven bits a byte, the lowest first, negative ones in 64 bits. */
  varint(value: number): void {
    this.need(10);
    if (value >= 0 && value < SHORT) this.buffer[this.length++] = value;
    else if (value < 0) this.#negative(value);
    else this.#long(value);
  }

  #long(value: number): void {
    let rest = value;
    for (; rest >= SHORT; rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7)
      this.buffer[this.length++] = (rest & 127) | 128;
    this.buffer[this.length++] = rest;
  }

  #negative(value: number): void {
    for (let rest = BigInt.asUintN(64, BigInt(value)), n = 0; n < 10; rest >>= 7n, n++)
      this.buffer[this.length++] = Number(rest & 127n) | (n < 9 ? 128 : 0);
  }

  number(field: number, value: number): void {
    this.byte((field << 3) | VARINT);
    this.varint(value);
  }

  string(field: number, text: string): void {
    this.need(text.length * 3 + 2);
    const start = this.length + 2;
    const length = this.buffer.utf8Write(text, start);
    this.buffer[start - 2] = (field << 3) | PART;
    this.length = start + length;
    if (length < SHORT) this.buffer[start - 1] = length;
    else this.end(start, 1);
  }

  /** Bytes given as hexadecimal digits. */
  hex(field: number, digits: string): void {
    const length = digits.length >> 1;
    this.need(length + 2);
    const { buffer } = this;
    let to = this.length;
    buffer[to++] = (field << 3) | PART;
    buffer[to++] = length;
    for (let at = 0; at < length * 2; at += 2)
      buffer[to++] = ((DIGITS[digits.charCodeAt(at)] as number) << 4) | (DIGITS[digits.charCodeAt(at + 1)] as number);
    this.length = to;
  }

  /** 32 bits, the lowest byte first. The field's number may be any. */
  fixed32(field: number, value: number): void {
    this.varint((field << 3) | FIXED32);
    this.need(4);
    this.#word(value, this.length);
    this.length += 4;
  }

  /** 64 bits, the lowest byte first. */
  fixed64(field: number, low: number, high: number): void {
    this.byte((field << 3) | FIXED64);
    this.need(8);
    this.#word(low, this.length);
    this.#word(high, this.length + 4);
    this.length += 8;
  }

  #word(value: number, at: number): void {
    const { buffer } = this;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }

  double(field: number, value: number): void {
    this.byte((field << 3) | FIXED64);
    this.need(8);
    this.length = this.buffer.writeDoubleLE(value, this.length);
  }

  /** Begins a part whose length stands before it; `width` is how many bytes that length will probably take. */
  begin(field: number, width: number): number {
    this.need(width + 1);
    this.buffer[this.length] = (field << 3) | PART;
    this.length += width + 1;
    return this.length;
  }

  /** Ends the part that began at `start` with the same `width`: its length is filled in, as short as it can be. */
  end(start: number, width: number): void {
    const length = this.length - start;
    if (width === 1 && length < SHORT) {
      this.buffer[start - 1] = length;
      return;
    }
    const needed = length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5;
    if (needed !== width) this.#move(start, start - width + needed);
    this.length = start - width;
    this.varint(length);
    this.length += length;
  }

  #move(from: number, to: number): void {
    this.need(to - from);
    this.buffer.copyWithin(to, from, this.length);
    this.moves++;
  }
}
