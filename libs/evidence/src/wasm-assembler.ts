// SPDX-License-Identifier: Apache-2.0
// Just enough of the WebAssembly binary format (core specification, section 5) to emit sha256-lanes.ts: functions over
// i32 parameters, i32 and v128 locals, one exported memory.

export type Local = number;

const TYPE = { i32: 0x7f, v128: 0x7b, function: 0x60, empty: 0x40 } as const;
const SECTION = { type: 1, function: 3, memory: 5, export: 7, code: 10 } as const;

interface FunctionParts {
  readonly code: Assembler;
  readonly results: 0 | 1;
  /** Under which name it is exported, if at all. */
  readonly name?: string;
}

/** The body of one function. Every method appends an instruction and returns the assembler. */
export class Assembler {
  readonly #parameters: number;
  readonly #locals: number[] = [];
  readonly #bytes: number[] = [];

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  i32(): Local {
    return this.#parameters + this.#locals.push(TYPE.i32) - 1;
  }

  v128s(count: number): Local[] {
    return Array.from({ length: count }, () => this.#parameters + this.#locals.push(TYPE.v128) - 1);
  }

  get(local: Local): this { return this.#emit(0x20, ...unsigned(local)); }
  set(local: Local): this { return this.#emit(0x21, ...unsigned(local)); }
  tee(local: Local): this { return this.#emit(0x22, ...unsigned(local)); }
  const(value: number): this { return this.#emit(0x41, ...signed(value)); }
  add(): this { return this.#emit(0x6a); }
  sub(): this { return this.#emit(0x6b); }
  shl(): this { return this.#emit(0x74); }
  shrU(): this { return this.#emit(0x76); }
  gtU(): this { return this.#emit(0x4b); }
  ltU(): this { return this.#emit(0x49); }
  select(): this { return this.#emit(0x1b); }
  call(index: number): this { return this.#emit(0x10, ...unsigned(index)); }
  loop(): this { return this.#emit(0x03, TYPE.empty); }
  /** Back to the innermost loop's beginning unless the operand is zero. */
  repeat(): this { return this.#emit(0x0d, 0); }
  end(): this { return this.#emit(0x0b); }
  load32(offset: number): this { return this.#emit(0x28, 0, ...unsigned(offset)); }
  store32(): this { return this.#emit(0x36, 0, 0); }
  store8(): this { return this.#emit(0x3a, 0, 0); }
  /** memory.copy of (to, from, count). */
  copy(): this { return this.#emit(0xfc, 0x0a, 0, 0); }
  /** memory.fill of (to, value, count). */
  fill(): this { return this.#emit(0xfc, 0x0b, 0); }

  /** The operand's four bytes turned around. */
  swap32(): this {
    const scratch = this.i32();
    this.tee(scratch).const(8).#emit(0x77).const(0x00ff00ff).#emit(0x71);
    return this.get(scratch).const(8).#emit(0x78).const(0xff00ff00 | 0).#emit(0x71, 0x72);
  }

  load(offset: number): this { return this.#simd(0x00, 0, ...unsigned(offset)); }
  store(offset: number): this { return this.#simd(0x0b, 0, ...unsigned(offset)); }
  shuffle(lanes: readonly number[]): this { return this.#simd(0x0d, ...lanes); }
  splat(): this { return this.#simd(0x11); }
  replaceLane(lane: number): this { return this.#simd(0x1c, lane); }
  or(): this { return this.#simd(0x50); }
  xor(): this { return this.#simd(0x51); }
  /** Of (v1, v2, mask): bits of v1 where the mask is set, of v2 elsewhere. */
  bitselect(): this { return this.#simd(0x52); }
  gtS4(): this { return this.#simd(0x3b); }
  shl4(): this { return this.#simd(0xab); }
  shrU4(): this { return this.#simd(0xad); }
  add4(): this { return this.#simd(0xae); }

  splatConst(word: number): this {
    const bytes = [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24];
    return this.#simd(0x0c, ...bytes, ...bytes, ...bytes, ...bytes);
  }

  #simd(code: number, ...immediates: number[]): this {
    return this.#emit(0xfd, ...unsigned(code), ...immediates);
  }

  #emit(...bytes: number[]): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  #body(): number[] {
    return sized([...vector(this.#locals.map((type) => [1, type])), ...this.#bytes, 0x0b]);
  }

  /** A module with these functions and an exported `memory` of so many pages at first. */
  static module(functions: readonly FunctionParts[], pages: number): Uint8Array<ArrayBuffer> {
    const exported = functions.flatMap(({ name }, i) => (name === undefined ? [] : [[...text(name), 0, i]]));
    return Uint8Array.from([
      0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      ...section(SECTION.type, functions.map(({ code, results }) => [
        TYPE.function, ...vector(Array.from({ length: code.#parameters }, () => [TYPE.i32])), ...vector(results === 0 ? [] : [[TYPE.i32]]),
      ])),
      ...section(SECTION.function, functions.map((_, i) => unsigned(i))),
      ...section(SECTION.memory, [[0, ...unsigned(pages)]]),
      ...section(SECTION.export, [[...text('memory'), 2, 0], ...exported]),
      ...section(SECTION.code, functions.map(({ code }) => code.#body())),
    ]);
  }
}

function section(id: number, items: readonly number[][]): number[] {
  return [id, ...sized(vector(items))];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function text(name: string): number[] {
  return sized([...Buffer.from(name)]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const [low, rest] = [value & 0x7f, value >> 7];
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
