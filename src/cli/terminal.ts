// What is written to the terminal beside a command's own output. All of it goes to STDERR but the start-up line, so
// that output can be piped; colours and the moving line appear on a terminal only.

const tty = process.stderr.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== "dumb";

/** Text in a colour, on a terminal only. */
type Paint = (text: string) => string;

function paint(code: number): Paint {
  return (text) => (tty ? `\u001b[${code}m${text}\u001b[0m` : text);
}
export const bold: Paint = paint(1);
export const dim: Paint = paint(2);
export const red: Paint = paint(31);
export const cyan: Paint = paint(36);

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Shows `label` while `work` runs: a moving line on a terminal, one plain line elsewhere. */
export async function withProgress<T>(label: string, work: (say: (detail: string) => void) => Promise<T>): Promise<T> {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  if (!tty) {
    note(`${label} ...`);
    return work(() => {});
  }
  const frames = ["-", "\\", "|", "/"];
  let detail = "";
  let turn = 0;
  const draw = () => {
    const frame = frames[turn++ % frames.length] ?? "-";
    process.stderr.write(`\r\u001b[K${cyan(frame)} ${label}${detail === "" ? "" : `, ${detail}`} ${dim(seconds())}`);
  };
  draw();
  const timer = setInterval(draw, 100);
  try {
    const result = await work((text) => {
      detail = text;
      draw();
    });
    process.stderr.write(`\r\u001b[K${dim(`${label}: ${seconds()}`)}\n`);
    return result;
  } catch (error) {
    process.stderr.write("\r\u001b[K");
    throw error;
  } finally {
    clearInterval(timer);
  }
}
