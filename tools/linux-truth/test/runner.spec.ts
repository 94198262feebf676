/** The C program alone, against answers that are known without any model. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { printAnswer } from '../src/annotate.ts';
import { compileRunner, whyNoDevice, whyNoRunner } from '../src/compile.ts';
import { type ScriptOptions, scripts, toText } from '../src/generate.ts';
import { linux } from '../src/linux.ts';
import { describeIf } from './needs.ts';

/** What each event answers, as one text. */
async function answers(script: string): Promise<string[]> {
  const { lines, stderr } = await linux()(script);
  expect(stderr).toBe('');
  return lines.map((line) => {
    const { line: _, ...fields } = JSON.parse(line) as { line: number };
    return printAnswer(fields);
  });
}

/** Runs `event -> answer` lines; an event without an answer is preparation. */
async function expectAnswers(annotated: string): Promise<void> {
  const lines = annotated
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+=>\s+/));
  const found = await answers(lines.map(([event]) => `${event}\n`).join(''));
  const wanted = lines.map(([event, answer], at) => `${event} => ${answer ?? found[at]}`);
  expect(lines.map(([event], at) => `${event} => ${found[at]}`)).toEqual(wanted);
}

/** A copy of the runner whose processes can be told from those of other tests. */
function withOwnRunner(): { readonly runner: string; readonly alive: () => number } {
  const runner = join(mkdtempSync(join(tmpdir(), 'linux-truth-')), 'runner');
  copyFileSync(compileRunner(), runner);
  return { runner, alive: () => Number(spawnSync('pgrep', ['-c', '-f', runner], { encoding: 'utf8' }).stdout) };
}

/** The same scripts twice. */
async function expectSameTwice(count: number, options: ScriptOptions): Promise<void> {
  for (const script of fc.sample(scripts(options), { numRuns: count, seed: 1 })) {
    const text = toText(script);
    const first = await linux()(text);
    expect(first.status).toBe(0);
    expect(first.lines).toHaveLength(options.events);
    expect((await linux()(text)).lines).toEqual(first.lines);
  }
}

describeIf(whyNoRunner(), 'the runner', () => {
  it('says which signal an access raises, and why', () =>
    expectAnswers(`
      p1 load 0x100000000 1                                   => SIGSEGV SEGV_MAPERR 0x100000000
      p1 mmap 0x100000000 4K rw private,anonymous,fixed       => 0x100000000
      p1 store 0x100000ffe 11223344                           => SIGSEGV SEGV_MAPERR 0x100001000
      p1 load 0x100000ffe 2                                   => 1122
      p1 mprotect 0x100000000 4K r                            => 0x0
      p1 store 0x100000000 1                                  => SIGSEGV SEGV_ACCERR 0x100000000
      p1 mprotect 0x100000000 4K -
      p1 load 0x100000001 1                                   => SIGSEGV SEGV_ACCERR 0x100000001
    `));

  it('stores the pattern of the line where no bytes are given', () =>
    expectAnswers(`
      p1 mmap 0x100000000 4K rw private,anonymous,fixed
      p1 store 0x100000000 3                                  => done
      p1 load 0x100000000 4                                   => 171e2500
      p1 modify 0x100000000 2                                 => 171e
      p1 load 0x100000000 3                                   => 1d2425
    `));

  it('copies on write after fork, whoever writes', () =>
    expectAnswers(`
      p1 mmap 0x100000000 8K rw private,anonymous,fixed -> a
      p1 mmap 0x100008000 4K rw shared,anonymous,fixed -> s
      p1 store $a 11
      p1 store $a+4K 22
      p1 fork -> kid                                          => p2
      kid store $a 33
      p1 store $a+4K 44
      kid store $s 55
      p1 load $a 1                                            => 11
      p2 load $a 1                                            => 33
      p1 load $a+4K 1                                         => 44
      p2 load $a+4K 1                                         => 22
      p1 load $s 1                                            => 55
    `));

  it('gives zeros back after dontneed', () =>
    expectAnswers(`
      p1 mmap 0x100000000 8K rw private,anonymous,fixed
      p1 store 0x100000000 11
      p1 store 0x100001000 22
      p1 madvise 0x100000000 4K dontneed                      => 0x0
      p1 load 0x100000000 1                                   => 00
      p1 load 0x100001000 1                                   => 22
    `));

  it('raises SIGBUS where a file was cut off', () =>
    expectAnswers(`
      machine file f 8K 616263
      p1 mmap 0x100000000 8K rw shared,fixed f 0
      p1 load 0x100000000 3                                   => 616263
      p1 store 0x100001000 11
      machine truncate f 4K                                   => done
      p1 load 0x100001000 1                                   => SIGBUS BUS_ADRERR 0x100001000
      machine truncate f 8K
      p1 load 0x100001000 1                                   => 00
    `));

  it('knows the mappings of the script and none of its own', () =>
    expectAnswers(`
      p1 maps                                                 => nothing
      machine file f 16K
      p1 mmap 0x100000000 12K rw private,anonymous,fixed
      p1 mmap 0x100008000 8K r shared,fixed f 4K
      p1 mprotect 0x100001000 4K r
      p1 maps => ${[
        '0x100000000-0x100001000 rw-p',
        '0x100001000-0x100002000 r--p',
        '0x100002000-0x100003000 rw-p',
        '0x100008000-0x10000a000 r--s f+0x1000',
      ].join('  ')}
      p1 exec                                                 => done
      p1 maps                                                 => nothing
    `));

  it('answers ESRCH for who is gone, ENOENT and ENODEV for what is not there', () =>
    expectAnswers(`
      p1 fork -> kid
      p1 exit 3                                               => done
      p1 maps                                                 => ESRCH
      p7 load 0x100000000 1                                   => ESRCH
      kid fork                                                => p3
      kid mmap 0x100000000 4K rw private,fixed f 0            => ENOENT
      machine truncate f 0                                    => ENOENT
      machine file f 0                                        => done
      machine file f 0                                        => EEXIST
    `));

  it('treats the address of a mapping that failed as MAP_FAILED', () =>
    expectAnswers(`
      p1 mmap 0x100000000 0 rw private,anonymous,fixed -> a   => EINVAL
      p1 load $a+16 1                                         => SIGSEGV SEGV_MAPERR 0xffffffffffffffff
      p1 munmap $a 4K                                         => EINVAL
    `));

  it.each([
    ['p1 jump 0x0', '<stdin>:1:4: found "jump"'],
    ['p1 load 0x0 1 extra', '<stdin>:1:15: found "extra"'],
    ['\n@t p1 load 0x0 1', '<stdin>:2:1: found "@t"'],
    ['p1 mmap 0 4K rw anonymous,fixed', 'expected either private or shared'],
    ['p1 store 0x0 123zz', 'expected bytes'],
    ['p1 load 0x400000 1', 'memory of the runner itself'],
    ['machine migrate p1 0 4K', 'found "migrate"'],
  ])('refuses %j', async (script, message) => {
    const { status, stderr, lines } = await linux()(`${script}\n`);
    expect({ status, lines }).toEqual({ status: 2, lines: [] });
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('answers the same each time', () => expectSameTwice(10, { events: 200, device: false }), 60_000);

  it('leaves no process behind, not even when it is killed', async () => {
    const { runner, alive } = withOwnRunner();
    await linux(runner)('p1 fork\np2 fork\np1 fork\np3 exit\n');
    await linux(runner)('p1 fork\np2 load 0x400000 1\n');
    expect(alive()).toBe(0);
    const long = `p1 fork\n${'p2 mmap 0x100000000 16M rw private,anonymous,fixed,populate\n'.repeat(1000)}`;
    const { signal } = spawnSync(runner, ['-'], { input: long, timeout: 100, killSignal: 'SIGKILL' });
    expect(signal).toBe('SIGKILL');
    for (let tries = 0; tries < 50 && alive() > 0; tries++) execFileSync('sleep', ['0.1']);
    expect(alive()).toBe(0);
  });
});

describeIf(whyNoDevice(), 'the device of the runner', () => {
  it('sees what the CPU writes and the other way round', () =>
    expectAnswers(`
      machine attach kvm0 kvm p1                              => done
      p1 mmap 0x100000000 8K rw private,anonymous,fixed
      kvm0 load 0x100000000 2                                 => 0000
      p1 store 0x100000000 1122
      kvm0 load 0x100000000 2                                 => 1122
      kvm0 store 0x100000ffe 01020304                         => done
      p1 load 0x100000ffe 4                                   => 01020304
      p1 fork
      kvm0 store 0x100000000 33
      p2 load 0x100000000 1                                   => 11
      p1 load 0x100000000 1                                   => 33
      p1 mremap 0x100000000 4K 4K maymove,fixed 0x100010000
      kvm0 load 0x100010000 1                                 => 33
    `));

  it('answers EFAULT for what is not there, and works on', () =>
    expectAnswers(`
      machine file f 4K
      machine attach kvm0 kvm p1
      kvm0 load 0x100000000 1                                 => EFAULT
      kvm0 store 0x100000000 1                                => EFAULT
      p1 mmap 0x100000000 4K rw private,anonymous,fixed
      kvm0 store 0x100000ffe 11223344                         => EFAULT
      p1 load 0x100000ffe 2                                   => 1122
      p1 mprotect 0x100000000 4K r
      kvm0 store 0x100000000 1                                => EFAULT
      kvm0 load 0x100000ffe 2                                 => 1122
      p1 munmap 0x100000000 4K
      kvm0 load 0x100000ffe 2                                 => EFAULT
      p1 mmap 0x100000000 8K rw shared,fixed f 0
      kvm0 load 0x100001000 1                                 => EFAULT
      kvm0 load 0x100000000 1                                 => 00
      kvm0 load 0x101000000 1                                 => EFAULT
    `));

  it('goes when it is detached, and with the address space', () =>
    expectAnswers(`
      machine attach a kvm p1
      machine attach b kvm p1
      machine detach a                                        => done
      a load 0x100000000 1                                    => ENODEV
      machine attach b kvm p1                                 => EEXIST
      p1 exec
      b load 0x100000000 1                                    => EIO
      machine attach a kvm p2                                 => ESRCH
    `));

  it('answers the same each time', () => expectSameTwice(10, { events: 200, device: true }), 60_000);
});
