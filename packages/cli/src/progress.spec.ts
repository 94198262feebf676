/** How fast it goes and how long it takes; who is told. */
import { Pace, duration, progressDisplay } from './progress.ts';

const step = (done: number, count = done) => ({ done, total: 100, count });

describe('the pace of work', () => {
  it('is not told before there is something to tell from', () => {
    const pace = new Pace(1000);
    expect(pace.after(step(1), 1010)).toBeUndefined();
    expect(pace.after(step(0), 5000)).toBeUndefined();
  });

  it('is things a second, and the time that the rest takes at that pace', () => {
    expect(new Pace(0).after(step(25, 5000), 10_000)).toEqual({ rate: 500, left: 30 });
    expect(new Pace(0).after(step(100, 5000), 10_000)).toEqual({ rate: 500, left: 0 });
  });

  it('is that of late: what was slow at first does not count for ever', () => {
    const pace = new Pace(0);
    for (let second = 1; second <= 60; second++) pace.after(step(second / 10, second), second * 1000);
    for (let second = 61; second <= 100; second++) pace.after(step(6 + (second - 60), second * 100), second * 1000);
    expect(pace.after(step(56, 12_000), 110_000)?.left).toBeLessThan(60);
  });

  it.each([
    [9, '9 s'],
    [200, '3 min 20 s'],
    [7500, '2 h 5 min'],
  ])('is said as people say it: %d seconds', (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe('progress', () => {
  it('says nothing where nobody sits', () => {
    let said = '';
    const io = {
      out: (text: string) => void (said += text),
      err: (text: string) => void (said += text),
      errIsTerminal: false,
      columns: undefined,
    };
    const display = progressDisplay(io, false);
    display.begin('replaying', 'accesses');
    display.update(step(50));
    display.end();
    expect(said).toBe('');
  });
});
