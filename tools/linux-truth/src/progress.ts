/** How far a search is, how fast, and how long it will take: one line, on a terminal only. */
export function progressLine(all: number, stream: NodeJS.WriteStream): (ran: number, shrinking: boolean) => void {
  const began = performance.now();
  return (ran, shrinking) => {
    if (!stream.isTTY) return;
    const seconds = (performance.now() - began) / 1000;
    const rate = ran / Math.max(seconds, 0.001);
    const rest = duration((all - ran) / rate);
    const line = shrinking
      ? `shrinking: ${ran} tried`
      : `${ran} of ${all} scripts, ${rate.toFixed(1)} a second, ${rest} left`;
    stream.write(`\r${line.padEnd(70)}`);
  };
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
