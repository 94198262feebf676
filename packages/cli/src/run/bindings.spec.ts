import { Bindings, MAP_FAILED } from './bindings.ts';

describe('names of a run', () => {
  it('mean the address that was bound, plus what is added', () => {
    const names = new Bindings();
    names.bind('a', { kind: 'number', value: 0x100000000 });
    expect(names.address({ name: 'a', offset: 0 })).toBe(0x100000000);
    expect(names.address({ name: 'a', offset: 0x1000 })).toBe(0x100001000);
    expect(names.address({ name: 'a', offset: -0x1000 })).toBe(0xfffff000);
    expect(names.address(0x5000)).toBe(0x5000);
  });

  it('mean MAP_FAILED where the call failed or never was made, whatever is added', () => {
    const names = new Bindings();
    names.bind('failed', { kind: 'errno', name: 'ENOMEM' });
    names.bind('small', { kind: 'number', value: 0x1000 });
    expect(names.address({ name: 'failed', offset: 0x1000 })).toBe(MAP_FAILED);
    expect(names.address({ name: 'unbound', offset: 0 })).toBe(MAP_FAILED);
    expect(names.address({ name: 'small', offset: -0x2000 })).toBe(MAP_FAILED);
  });

  it('lead from the name that a script gave a process to that of the machine', () => {
    const names = new Bindings();
    names.bind('child', { kind: 'process', name: 'p2' });
    expect(names.processName('child')).toBe('p2');
    expect(names.processName('p1')).toBe('p1');
  });

  it('are summed up in order, so that equal ends are equal texts', () => {
    const names = new Bindings();
    names.bind('r1', { kind: 'signal', name: 'SIGSEGV' });
    names.bind('r0', { kind: 'bytes', hex: '01' });
    names.bind('a', { kind: 'number', value: 4096 });
    names.bind('z', { kind: 'none' });
    expect(names.summary()).toBe('a=0x1000 r0=01 r1=SIGSEGV z=-');
  });
});
