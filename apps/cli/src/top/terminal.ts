// SPDX-License-Identifier: Apache-2.0
// A full-screen terminal, given back as it was: alternate screen, hidden cursor, keys without Enter.
import type { Sink } from '../io.ts';

const ESC = '\u001b[';
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}2J`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;
/** A terminal that knows it shows a frame at once; others ignore it. */
const BEGIN = `${ESC}?2026h`;
const END = `${ESC}?2026l`;
const CTRL_C = '\u0003';

export interface Screen {
  /** Draws a frame over the one before, line by line: nothing is cleared first, so nothing flickers. */
  draw(lines: readonly string[]): Promise<void>;
  /** Aborted by q or Ctrl-C. */
  readonly quit: AbortSignal;
  onResize(listener: () => void): void;
  close(): void;
}

/** Takes the terminal over. Call `close` whatever happens. */
export function openScreen(out: Sink, input: NodeJS.ReadStream = process.stdin): Screen {
  const quit = new AbortController();
  const resizes: (() => void)[] = [];
  const onKey = (key: Buffer): void => { if (key.includes('q') || key.includes('Q') || key.includes(CTRL_C)) quit.abort(); };
  const onResize = (): void => {
    void out.write(`${ESC}2J`);
    for (const listener of resizes) listener();
  };
  if (input.isTTY) input.setRawMode(true);
  input.on('data', onKey);
  input.resume();
  process.stdout.on('resize', onResize);
  void out.write(ENTER);
  return {
    quit: quit.signal,
    draw: (lines) => out.write(`${BEGIN}${ESC}H${lines.map((line) => `${line}${ESC}K`).join('\r\n')}${ESC}J${END}`),
    onResize: (listener) => { resizes.push(listener); },
    close: () => {
      process.stdout.off('resize', onResize);
      input.off('data', onKey);
      input.pause();
      if (input.isTTY) input.setRawMode(false);
      void out.write(LEAVE);
    },
  };
}
